import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.columns import Coded, ColumnType, Field, Floats, Role
from detectors.derived import text
from detectors.derived.text import CLASSES, TextDerivation

COMMENT = TextDerivation(Field("comment", ColumnType.TEXT, Role.PREDICTION))
texts = st.lists(st.text(max_size=20) | st.sampled_from(["", " a b ", "Straße 5!", "\ud800x"]))


def coded(values: list[str]) -> Coded:
    levels = sorted(set(values), reverse=True)
    return Coded(np.array([levels.index(v) for v in values], dtype=np.int32), levels)


def derived(column: Coded) -> dict[str, Floats]:
    names = [field.name.removeprefix("comment.") for field in COMMENT.fields]
    values = COMMENT.derive(column).columns
    return {n: v for n, v in zip(names, values, strict=True) if not isinstance(v, Coded)}


def class_of(character: str) -> str:
    if character.isspace():
        return "spaces"
    kinds = {"L": "letters", "M": "letters", "N": "digits", "Z": "spaces", "P": "punctuation"}
    return kinds.get(unicodedata.category(character)[0], "other")


@given(texts)
@example(["\ud800", "a" * 300, "", "\x1f\x85\u3000"])
def test_it_is_what_python_says_of_each_text(values: list[str]) -> None:
    found = derived(coded(values))
    assert found["length"].tolist() == [len(value) for value in values]
    assert found["words"].tolist() == [len(value.split()) for value in values]
    for name in CLASSES:
        expected = [sum(class_of(c) == name for c in v) / len(v) if v else np.nan for v in values]
        np.testing.assert_allclose(found[name], expected)


def test_texts_longer_than_a_block_are_measured_too() -> None:
    size = text._BLOCK_CHARACTERS
    values = ["a b" * size, "", "c", "1" * (size // 2), "2" * (size // 2), "d e"]
    found = derived(coded(values))
    assert found["length"].tolist() == [len(value) for value in values]
    assert found["words"].tolist() == [size + 1, 0, 1, 1, 1, 2]


def test_missing_texts_are_missing_and_levels_without_a_row_no_matter() -> None:
    found = derived(Coded(np.array([-1, 1], dtype=np.int32), ("unused", "two words", "x")))
    np.testing.assert_array_equal(found["words"], [np.nan, 2])
    np.testing.assert_array_equal(found["letters"], [np.nan, 8 / 9])


def test_its_columns_are_numbers_with_the_role_of_the_text() -> None:
    assert {field.role for field in COMMENT.fields} == {Role.PREDICTION}
    assert all(field.type.is_numeric for field in COMMENT.fields)


def test_numbers_are_no_text() -> None:
    with pytest.raises(ValueError, match="'comment' is text, but holds numbers"):
        COMMENT.derive(np.zeros(3))
