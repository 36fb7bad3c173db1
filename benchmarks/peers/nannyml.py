"""NannyML's drift of single columns, and its reconstruction error of all of them together.

Its thresholds are learned from the reference's own chunks: their mean and three standard
deviations. So a strength is a third of the distance from that mean in standard deviations.
"""

import numpy as np
import pandas as pd
from nannyml import DataReconstructionDriftCalculator, UnivariateDriftCalculator

from benchmarks.peers.exchange import Array, Question, Strengths, answer

DEFAULT = "jensen_shannon"
METHODS = (DEFAULT, "kolmogorov_smirnov", "wasserstein", "hellinger")


def judge(question: Question) -> Strengths:
    """Each method for numbers, and the same or the default for categories; and all at once."""
    reference = _frame(question, question.reference_numbers, question.reference_codes)
    current = _frame(question, np.concatenate(question.numbers), np.concatenate(question.codes))
    settings = {
        f"default, {name}" if name == DEFAULT else name: _univariate(
            question, reference, current, name
        )
        for name in METHODS
    }
    return {**settings, "PCA reconstruction": _reconstruction(question, reference, current)}


def _frame(question: Question, numbers: Array, codes: Array) -> pd.DataFrame:
    categories = pd.DataFrame(codes, columns=question.category_names).astype("category")
    return pd.concat([pd.DataFrame(numbers, columns=question.number_names), categories], axis=1)


def _univariate(
    question: Question, reference: pd.DataFrame, current: pd.DataFrame, method: str
) -> Array:
    of_codes = method if method == "hellinger" else DEFAULT
    calculator = UnivariateDriftCalculator(
        column_names=list(reference.columns),
        continuous_methods=[method],
        categorical_methods=[of_codes],
        chunk_size=question.window_rows,
    ).fit(reference)
    result = calculator.calculate(current)
    before = result.filter(period="reference").to_df()
    after = result.filter(period="analysis").to_df()
    methods = dict.fromkeys(question.number_names, method)
    methods |= dict.fromkeys(question.category_names, of_codes)
    columns = [
        _strength(before[name, used], after[name, used], "upper_threshold")
        for name, used in methods.items()
    ]
    return np.stack(columns, axis=1)


def _reconstruction(question: Question, reference: pd.DataFrame, current: pd.DataFrame) -> Array:
    calculator = DataReconstructionDriftCalculator(
        column_names=list(reference.columns), chunk_size=question.window_rows
    ).fit(reference)
    result = calculator.calculate(current)
    name = "reconstruction_error"
    before = result.filter(period="reference").to_df()[name]
    after = result.filter(period="analysis").to_df()[name]
    return np.abs(_strength(before, after, "upper_threshold"))[:, np.newaxis]


def _strength(before: pd.DataFrame, after: pd.DataFrame, limit: str) -> Array:
    """(windows,) distances from the reference's chunks, 1 at the threshold."""
    centre = before["value"].mean()
    strengths: Array = ((after["value"] - centre) / (after[limit] - centre)).to_numpy()
    return strengths


if __name__ == "__main__":
    answer(judge)
