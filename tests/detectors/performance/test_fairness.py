import numpy as np
import pytest

from detectors.columns import Coded
from detectors.performance.fairness import NEUTRAL, groups
from detectors.performance.intervals import Estimate
from detectors.profile.outcomes import count_outcomes, count_predictions
from detectors.target import Target
from tests.detectors.performance.makers import Classified, binary

SAID = binary(2_000)


def measured(said: Classified, target: Target) -> dict[str, dict[str, Estimate]]:
    counts = count_predictions(said.columns, target)
    counts = counts + count_outcomes(said.columns, said.labels, target)
    return {group: dict(values) for _, group, values in groups(counts, target)}


def test_measures_are_those_of_the_rows() -> None:
    said, true = np.array(SAID.predicted) == "yes", np.array(SAID.true) == "yes"
    sex = SAID.rows.columns["sex"]
    assert isinstance(sex, Coded)
    women = sex.codes == 0
    found = measured(SAID, SAID.target)["f"]
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {
            "statistical_parity_difference": said[women].mean() - said[~women].mean(),
            "disparate_impact": said[women].mean() / said[~women].mean(),
            "equal_opportunity_difference": said[women & true].mean() - said[~women & true].mean(),
        }
    )


def test_of_two_groups_what_one_gains_the_other_loses() -> None:
    found = measured(SAID, SAID.target)
    for name in ("statistical_parity_difference", "equal_opportunity_difference"):
        assert found["f"][name].value == pytest.approx(-found["m"][name].value)
    impact = "disparate_impact"
    assert found["f"][impact].value == pytest.approx(1 / found["m"][impact].value)


def test_equal_treatment_is_neutral_most_of_the_time() -> None:
    rng = np.random.default_rng(0)
    held = dict[str, list[bool]]()
    for _ in range(200):
        fair = Coded(rng.integers(0, 2, 2_000).astype(np.int32), ("f", "m"))
        columns = SAID.columns | {"sex": fair}
        counts = count_predictions(columns, SAID.target)
        counts = counts + count_outcomes(columns, SAID.labels, SAID.target)
        _, _, values = next(iter(groups(counts, SAID.target)))
        for name, one in values.items():
            held.setdefault(name, []).append(one.low <= NEUTRAL[name] <= one.high)
    assert {name: np.mean(h) for name, h in held.items()} == pytest.approx(
        dict.fromkeys(NEUTRAL, 0.95), abs=0.04
    )


def test_a_group_without_rows_says_why() -> None:
    found = measured(SAID, SAID.target)["other"]
    assert found["statistical_parity_difference"].reason == "no rows of the group"
    assert found["equal_opportunity_difference"].reason == "no positive of the group has a label"
    assert found["disparate_impact"].reason


def test_without_labels_opportunity_is_not_known() -> None:
    counts = count_predictions(SAID.columns, SAID.target)
    for _, group, values in groups(counts, SAID.target):
        assert values["equal_opportunity_difference"].reason
        assert group == "other" or values["disparate_impact"].is_known


def test_a_row_without_a_group_is_in_none() -> None:
    sex = SAID.rows.columns["sex"]
    assert isinstance(sex, Coded)
    hidden = Coded(np.where(sex.codes == 1, -1, sex.codes).astype(np.int32), sex.levels)
    counts = count_predictions(SAID.columns | {"sex": hidden}, SAID.target)
    _, _, values = next(iter(groups(counts, SAID.target)))
    assert values["statistical_parity_difference"].reason == "no rows of other groups"
