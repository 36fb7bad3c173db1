"""What a reference's windows make of one another: each judged by what the others let expect."""

from collections.abc import Callable

import numpy as np

from detectors.columns import Floats
from detectors.decision.components import Measurement
from detectors.decision.nulls import Null
from detectors.decision.tails import signed

N_PARTS = 10


def held_out_scores(
    windows: Measurement,
    learn: Callable[[Measurement, Measurement], Null],
    score: Callable[[Null, Measurement], Floats],
) -> Floats:
    """(windows, components) signed normal scores of windows of which the null knew nothing.

    learn: of the whole of some windows, (components,), and these, (windows, components). score:
    one window, as `one_sided_scores` does. Successive windows are held out together, as
    those to come follow those that were.
    """
    n_windows = len(windows.n)
    scores = np.full(windows.values.shape, np.nan)
    for part in np.array_split(np.arange(n_windows), min(N_PARTS, n_windows)):
        others = np.setdiff1d(np.arange(n_windows), part)
        if others.size < 2:
            continue
        rest = Measurement(windows.values[others], windows.n[others])
        null = learn(rest.whole(), rest)
        for i in part:
            scores[i] = signed(score(null, Measurement(windows.values[i], windows.n[i])))
    return scores
