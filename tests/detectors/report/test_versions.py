import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from detectors.columns import Coded
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import VersionReport
from detectors.report.versions import MOST_VERSIONS, column_p_value, versions
from tests.detectors.makers import traffic


def told(reference: Reference, **profiles: Profile) -> list[VersionReport]:
    detector = Detector(reference, window_s=3600.0, budget=Budget())

    def alone(profile: Profile) -> Decision:
        return detector.step(detector.start(), profile)[1]

    return list(versions(reference, profiles, alone))


def test_the_version_with_the_most_rows_is_what_the_others_are_compared_with(
    reference: Reference,
) -> None:
    stable = count(traffic(2_000, 1)[0], reference)
    canary = count(traffic(500, 2, shift=1.0)[0], reference)
    first, second = told(reference, canary=canary, stable=stable)
    assert (first.version, first.verdict, first.differences) == ("stable", "quiet", ())
    assert (second.version, second.verdict, second.n_rows) == ("canary", "drift", 500)
    assert any(one.named for one in second.differences)
    assert [one.p_value for one in second.differences] == sorted(
        one.p_value for one in second.differences
    )


@pytest.mark.parametrize("name", ["stops", "weather"])
def test_a_p_value_is_that_of_the_two_sample_test_of_the_values(
    reference: Reference, name: str
) -> None:
    """Of columns whose bins hold one value each, so that the test of the counts is of the rows."""
    (a, _), (b, _) = traffic(900, 3), traffic(700, 4)
    index = reference.index(name)
    counts = [reference.part(count(rows, reference).counts, index) for rows in (a, b)]
    x, y = a.columns[name], b.columns[name]
    if isinstance(x, Coded) and isinstance(y, Coded):
        tables = [np.bincount(side.codes, minlength=3) for side in (x, y)]
        expected = chi2_contingency(tables, correction=False).pvalue
    else:
        assert isinstance(x, np.ndarray)
        assert isinstance(y, np.ndarray)
        expected = ks_2samp(x, y, method="asymp").pvalue
    found = column_p_value(reference, index, *counts)
    assert found == pytest.approx(min(1.0, 2 * expected), abs=0.05)


def test_versions_that_are_alike_are_hardly_ever_said_to_differ(reference: Reference) -> None:
    said = 0
    for seed in range(20):
        one = count(traffic(300, 1_000 + seed)[0], reference)
        other = count(traffic(300, 5_000 + seed)[0], reference)
        said += any(d.named for d in told(reference, a=one, b=other)[1].differences)
    assert said <= 2


@pytest.mark.parametrize("n", [1, MOST_VERSIONS + 3])
def test_few_are_told_and_one_alone_only_by_its_name(reference: Reference, n: int) -> None:
    profiles = {f"v{i}": count(traffic(150 + i, i)[0], reference) for i in range(n)}
    found = told(reference, **profiles)
    assert len(found) == min(n, MOST_VERSIONS)
    assert (found[0].verdict is None) == (n == 1)
    assert found[0].n_rows == 150 + n - 1
