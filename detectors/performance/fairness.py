"""Whether a classification treats groups alike: each group beside all other rows.

With two groups that is the one beside the other, as in AI Fairness 360; with more, no group has to
be named the privileged one.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.columns import Counts, Floats
from detectors.performance.intervals import Estimate, difference, ratio, share
from detectors.target import Target

NEUTRAL = {
    "statistical_parity_difference": 0.0,
    "disparate_impact": 1.0,
    "equal_opportunity_difference": 0.0,
}
"""Where a measure says "alike"; any distance from there is bad."""


def groups(counts: Counts, target: Target) -> Iterator[tuple[str, str, Mapping[str, Estimate]]]:
    """Column, group and its measures, from a window's counts (n_slots,).

    statistical_parity_difference: the share predicted positive in the group less that in the
        rest (Newcombe's interval). disparate_impact: the one over the other (Walter's).
    equal_opportunity_difference: the share of the positive that are predicted so in the group
        less that in the rest (Hardt, Price and Srebro 2016); needs labels.
    Rows without a value of the column are in no group and not in the rest.
    """
    predicted = target.part(counts, "groups").astype(np.float64)
    # Of the rows that are positive: (groups, 2) by whether they were predicted so.
    true = target.part(counts, "group_outcomes")[..., 1].astype(np.float64)
    first = 0
    for column, levels in target.groups.items():
        here = slice(first, first + len(levels) + 1)
        first = here.stop
        for i, group in enumerate([*levels, "other"]):
            yield column, group, _measures(predicted[here], true[here], i)


def _measures(predicted: Floats, true: Floats, i: int) -> Mapping[str, Estimate]:
    rest, true_rest = predicted.sum(axis=0) - predicted[i], true.sum(axis=0) - true[i]
    of_group = share(predicted[i, 1], predicted[i].sum(), without="no rows of the group")
    of_rest = share(rest[1], rest.sum(), without="no rows of other groups")
    without = "no positive of the group has a label"
    found = share(true[i, 1], true[i].sum(), without=without)
    without = "no positive of other groups has a label"
    found_rest = share(true_rest[1], true_rest.sum(), without=without)
    return {
        "statistical_parity_difference": difference(of_group, of_rest),
        "disparate_impact": ratio(
            predicted[i, 1],
            predicted[i].sum(),
            rest[1],
            rest.sum(),
            without="nobody outside the group, or nobody predicted positive there",
        ),
        "equal_opportunity_difference": difference(found, found_rest),
    }
