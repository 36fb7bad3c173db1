"""How far the vectors of a window have moved, for people."""

from collections.abc import Mapping

import numpy as np

from detectors.columns import Counts
from detectors.vectors.embedding import Embedding
from detectors.vectors.frechet_distance import frechet_distance
from detectors.vectors.hotelling import hotelling
from detectors.vectors.mmd_fourier import mmd_fourier


def vector_statistics(
    embedding: Embedding, reference: Counts, current: Counts
) -> Mapping[str, float]:
    """Every statistic that is defined, by name; (n_sums,) and (n_sums,) of both sides."""
    before, now = embedding.moments(reference), embedding.moments(current)
    values = {
        "hotelling": hotelling(before, now),
        "frechet_distance": frechet_distance(before, now),
        "mmd_fourier": mmd_fourier(embedding.fourier(reference), embedding.fourier(current)),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}
