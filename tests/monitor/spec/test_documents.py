from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spec.documents import MAX_BYTES, DocumentError, load, parse
from monitor.spec.model import Monitor

SMALLEST = """\
apiVersion: driftmeter.dev/v1
kind: Monitor
metadata:
  name: free-seats
spec:
  reference: training.parquet
"""


def test_a_name_and_a_reference_are_enough() -> None:
    (monitor,) = parse(SMALLEST)
    assert (monitor.name, monitor.spec.reference.url) == ("free-seats", "training.parquet")


def test_a_file_may_hold_several_documents() -> None:
    second = SMALLEST.replace("free-seats", "delays")
    assert [m.name for m in parse(f"{SMALLEST}---\n{second}")] == ["free-seats", "delays"]


def test_two_documents_of_one_name_are_refused_at_the_second() -> None:
    assert faults(f"{SMALLEST}---\n{SMALLEST}") == [
        "11:3: metadata.name: an earlier document of this file is named 'free-seats' too"
    ]


def test_all_faults_are_said_at_once_in_the_order_of_the_file() -> None:
    text = """\
    apiVersion: driftmeter.dev/v2
    kind: Monitor
    metadata:
      name: Free Seats
      labels: {team: rail, paged: yes}
    spec:
      reference: training.parquet
      columns:
        stop: categroy
        fare: 3
      detecton: {}
      windows: [1h, soon]
      detection:
        false_alarms: few
        minimum_rows: 0
        outliers: many
    """
    assert faults(dedent(text)) == [
        "1:1: apiVersion: 'driftmeter.dev/v2' is not accepted (did you mean 'driftmeter.dev/v1'?)",
        (
            "4:3: metadata.name: 'Free Seats' does not have the right form (The monitor's name: "
            "lower-case letters, digits, '-' and '.', at most 63. For example free-seats)"
        ),
        "5:24: metadata.labels.paged: True is not text (write it in quotes)",
        "9:5: spec.columns.stop: 'categroy' is not accepted (did you mean 'category'?)",
        (
            "10:5: spec.columns.fare: 3 is not accepted "
            "(accepted: float, integer, boolean, category, text, timestamp, vector, ignore)"
        ),
        "11:3: spec.detecton: is not a key here (did you mean 'detection'?)",
        (
            "12:17: spec.windows[1]: 'soon' is not a duration: "
            "write a number and a unit, such as 30s, 5m, 1h, 90d"
        ),
        "14:5: spec.detection.false_alarms: 'few' is not a budget: write, for example, '1 per 90d'",
        (
            "15:5: spec.detection.minimum_rows: should be greater than or equal to 1 "
            "(Windows with fewer rows are undecided.)"
        ),
        "16:5: spec.detection.outliers: should be a mapping of keys to values",
    ]


def test_what_is_missing_is_said_where_it_belongs_with_an_example() -> None:
    assert faults("apiVersion: driftmeter.dev/v1\nmetadata: {}\nspec: {reference: a.csv}\n") == [
        "1:1: kind: is missing (For example Monitor)",
        (
            "2:1: metadata.name: is missing (The monitor's name: lower-case letters, digits, "
            "'-' and '.', at most 63. For example free-seats)"
        ),
    ]


def test_a_key_given_twice_is_refused_with_the_place_of_the_first() -> None:
    text = SMALLEST + "  reference: other.parquet\n"
    assert faults(text) == ["7:3: spec.reference: is given twice, first in line 6"]


def test_a_column_may_be_named_no() -> None:
    """YAML 1.1 reads a bare no as false; a key is the text that stands there."""
    (monitor,) = parse(SMALLEST + "  columns: {no: category, 1: float}\n")
    assert list(monitor.spec.columns) == ["no", "1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: there is no document (docs/connect.md shows one)"),
        ("a: [1, 2", "1:9: expected ',' or ']', but got '<stream end>'"),
        ("a: &x 1\nb: *x", "1:1: aliases (*name) are not accepted"),
        ("a: b\nc: \x07", "2:1: the character #x0007 is not allowed"),
        ("[" * 50_000, "1:1: nested more than 50 deep"),
        ("just text", "1:1: should be a mapping of keys to values (A Monitor document.)"),
        (
            "!!python/name:os.system x",
            "1:1: 'x' is not 'python/name:os.system' (write it in quotes)",
        ),
        ("? [a, b]\n: 1", "1:3: a key must be text"),
    ],
)
def test_what_is_no_document_is_answered(text: str, expected: str) -> None:
    assert expected in faults(text)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(DocumentError, match="larger than 1,000,000 bytes"):
        load(path)


def test_a_file_that_is_not_utf8_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_bytes(b"name: Z\xfcrich")
    with pytest.raises(DocumentError, match="byte 7 is not UTF-8"):
        load(path)


def test_relative_paths_are_taken_from_the_folder_of_the_document(tmp_path: Path) -> None:
    webhooks = "webhooks: [{url: 'https://example.org', secret_file: ../secret}]"
    text = SMALLEST + f"  alerts: {{{webhooks}}}\n  retrain: {{{webhooks}}}\n"
    monitor = written(tmp_path / "monitors", text)
    assert monitor.spec.reference.url == str(tmp_path / "monitors" / "training.parquet")
    assert monitor.spec.alerts.webhooks[0].secret_file == str(tmp_path / "secret")
    assert monitor.spec.retrain.webhooks[0].secret_file == str(tmp_path / "secret")


def test_files_of_channels_lie_beside_the_document_too(tmp_path: Path) -> None:
    channels = "channels: [{name: page, pagerduty: {routing_key_file: key}}]"
    monitor = written(tmp_path, SMALLEST + f"  alerts: {{{channels}}}\n")
    [channel] = monitor.spec.alerts.channels
    assert channel.target()["routing_key_file"] == str(tmp_path / "key")


@pytest.mark.parametrize("url", ["s3://bucket/training.parquet", "/data/training.parquet"])
def test_urls_and_absolute_paths_stay_as_they_are(tmp_path: Path, url: str) -> None:
    monitor = written(tmp_path, SMALLEST.replace("training.parquet", url))
    assert monitor.spec.reference.url == url


def test_a_loaded_document_says_no_more_than_its_file(tmp_path: Path) -> None:
    assert set(written(tmp_path, SMALLEST).to_json()["spec"]) == {"reference"}  # type: ignore[call-overload]  # JSON


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_an_answer(text: str) -> None:
    try:
        assert parse(text)
    except DocumentError:
        assert faults(text)


def faults(text: str) -> list[str]:
    with pytest.raises(DocumentError) as raised:
        parse(text)
    return [str(fault) for fault in raised.value.faults]


def written(folder: Path, text: str) -> Monitor:
    folder.mkdir(exist_ok=True)
    path = folder / "monitor.yaml"
    path.write_text(text)
    (monitor,) = load(path)
    return monitor
