from monitor.replay.differences import Difference, differences


def test_equal_reports_have_none_whatever_is_left_out_and_however_numbers_are_rounded() -> None:
    one = {"n_rows": 3, "p_value": 0.1 + 0.2, "comparisons": [1]}
    other = {"n_rows": 3, "p_value": 0.3, "comparisons": []}
    assert differences(one, other, left_out=["comparisons"]) == []
    assert differences(one, other) == [Difference("comparisons.0", 1, None)]


def test_a_difference_has_its_place_by_name_and_both_values() -> None:
    one = {"columns": [{"name": "x", "current": {"n": 5}}, {"name": "y", "current": {"n": 5}}]}
    other = {"columns": [{"name": "y", "current": {"n": 6}}, {"name": "x", "current": {"n": 5}}]}
    assert differences(one, other) == [Difference("columns.y.current.n", 5, 6)]


def test_what_has_no_name_has_its_position_and_what_is_missing_is_nothing() -> None:
    found = differences({"interval": [1.0, 2.0], "a": 1}, {"interval": [1.0, 3.0], "b": None})
    assert found == [Difference("interval.1", 2.0, 3.0), Difference("a", 1, None)]


def test_a_number_is_neither_a_boolean_nor_text() -> None:
    assert differences({"a": 1.0, "b": 1.0}, {"a": True, "b": "1"}) == [
        Difference("a", 1.0, True),
        Difference("b", 1.0, "1"),
    ]
