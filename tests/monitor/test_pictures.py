"""Pictures are well-formed SVG that says in words and in measures what it shows."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.report import Distribution
from monitor.pictures import distributions, number, percent, shortened, sparkline

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>&\"'\x00\u202e\u00a07"

AGES = Distribution(
    bars=("< 20", "20 – 40", "≥ 40"),
    reference=(0.2, 0.5, 0.3),
    current=(0.0, 0.25, 0.75),
    edges=(0.0, 20.0, 40.0, 60.0),
)
COLOURS = Distribution(bars=("red", HOSTILE), reference=(0.8, 0.2), current=(0.4, 0.6))
NOTHING = Distribution(bars=(), reference=(), current=())


def _parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return root


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in _parsed(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("shown", [AGES, COLOURS, NOTHING])
def test_a_picture_has_a_title_for_those_who_cannot_see_it(shown: Distribution) -> None:
    root = _parsed(distributions(shown, title=f"age of {HOSTILE}"))
    assert root.get("role") == "img"
    title = root[0]
    assert title.tag == f"{SVG}title"
    assert (title.text or "").startswith("age of <script>&")


def test_the_steps_of_a_histogram_are_as_high_as_the_shares() -> None:
    root = _parsed(distributions(AGES, title="age"))
    for path, shares in zip(root.iter(f"{SVG}path"), (AGES.reference, AGES.current), strict=True):
        heights = [96 - float(y) for y in re.findall(r"V([\d.]+)H", path.get("d", ""))]
        assert heights == pytest.approx([90 * share / 0.75 for share in shares], abs=0.06)


def test_the_bars_of_categories_are_as_long_as_the_shares() -> None:
    root = _parsed(distributions(COLOURS, title="colour"))
    widths = [float(rect.get("width", "")) for rect in root.iter(f"{SVG}rect")]
    assert widths == pytest.approx([116, 58, 29, 87])


def test_a_histogram_names_its_outermost_and_middle_bars() -> None:
    assert _texts(distributions(AGES, title="age")) == ["< 20", "20 – 40", "≥ 40"]


def test_a_category_is_named_with_both_its_shares() -> None:
    texts = _texts(distributions(COLOURS, title="colour"))
    assert texts[:2] == ["red", "80.0 → 40.0 %"]


def test_a_column_without_values_says_so() -> None:
    assert _texts(distributions(NOTHING, title="age")) == ["no values"]


def test_a_gap_parts_the_line_and_a_lonely_value_is_a_dot() -> None:
    root = _parsed(sparkline([1.0, 2.0, None, 3.0, None, 2.0, 2.5], title="evidence"))
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 1


@given(st.lists(st.none() | st.floats(-1e12, 1e12), max_size=8))
def test_every_finite_line_is_inside_its_picture(values: list[float | None]) -> None:
    root = _parsed(sparkline(values, title="evidence"))
    for line in root.iter(f"{SVG}polyline"):
        points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
        assert all(0 <= x <= 120 and 0 <= y <= 28 for x, y in points)


def test_a_sparkline_shares_one_scale_with_its_threshold() -> None:
    root = _parsed(sparkline([2.0, 4.0], title="evidence", threshold=8.0))
    (line,) = root.iter(f"{SVG}polyline")
    assert line.get("points") == "3.0,19.5 117.0,14.0"
    (threshold,) = root.iter(f"{SVG}line")
    assert (threshold.get("y1"), threshold.get("y2")) == ("3.0", "3.0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12.345678, "12.35"),
        (-0.000123456, "-0.0001235"),
        (1234567.0, "1234567"),
        (1.5e12, "1.5e+12"),
        (5e-7, "5e-07"),
    ],
)
def test_numbers_keep_four_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0.0 %"), (0.0001, "<0.1 %"), (0.1234, "12.3 %"), (1.0, "100.0 %")]
)
def test_shares_are_percentages_to_a_tenth(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.text(max_size=40), st.integers(1, 20))
def test_shortened_text_fits_and_is_printable(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert short.isprintable()
