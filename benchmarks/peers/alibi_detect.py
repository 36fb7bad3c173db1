"""alibi-detect's tabular detector: Kolmogorov-Smirnov of numbers, chi-squared of categories."""

import numpy as np
from alibi_detect.cd import TabularDrift

from benchmarks.peers.exchange import Array, Question, Strengths, answer, p_strength


def judge(question: Question) -> Strengths:
    """Its two corrections for many columns; Bonferroni's is the default."""
    reference = np.hstack([question.reference_numbers, question.reference_codes])
    n_numbers = question.reference_numbers.shape[1]
    categories = dict.fromkeys(range(n_numbers, reference.shape[1]))
    detector = TabularDrift(reference, p_val=0.05, categories_per_feature=categories)
    p_values = np.stack(
        [
            detector.feature_score(reference, np.hstack([numbers, codes]))[0]
            for numbers, codes in zip(question.numbers, question.codes, strict=True)
        ]
    )
    return {
        "default, Bonferroni": p_strength(p_values, 0.05 / p_values.shape[1]),
        "false discovery rate": p_strength(_smallest_adjusted(p_values), 0.05),
    }


def _smallest_adjusted(p_values: Array) -> Array:
    """(windows, columns) -> (windows, 1): Benjamini and Hochberg's, smallest of each window."""
    n = p_values.shape[1]
    adjusted: Array = (np.sort(p_values, axis=1) * n / np.arange(1, n + 1)).min(axis=1)
    return adjusted[:, np.newaxis]


if __name__ == "__main__":
    answer(judge)
