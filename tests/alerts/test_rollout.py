"""A rollout is named where one is seen."""

import pytest

from alerts.rollout import rollout
from detectors.report import Verdict, VersionReport


def of(**verdicts: Verdict | None) -> list[VersionReport]:
    return [
        VersionReport(version=version, n_rows=100, verdict=verdict)
        for version, verdict in verdicts.items()
    ]


@pytest.mark.parametrize(
    ("here", "before", "is_seen"),
    [
        ("b", ["a", "a", "a", "a"], True),
        ("b", ["a"], True),
        ("b", ["b", "b", "a", "a"], True),
        ("b", ["b", "b", "b", "a"], True),
        ("b", ["b", "b", "b", "b"], False),
        ("a", ["a", "a"], False),
        ("a", [], False),
        ("ab", ["a", "a"], True),
        ("a", ["ab", "ab", "ab", "ab"], False),
    ],
)
def test_a_version_that_is_new_since_three_windows_is_a_rollout(
    here: str, before: list[str], is_seen: bool
) -> None:
    assert (rollout(of(**dict.fromkeys(here)), before) is not None) is is_seen


def test_it_is_said_which_version_took_over_from_which() -> None:
    said = rollout(of(v4=None), [["v3"]])
    assert said == "model version 'v4' began to answer, where 'v3' had"


def test_a_canary_that_drifts_alone_is_told_apart() -> None:
    said = rollout(of(v3=Verdict.QUIET, v4=Verdict.DRIFT), [["v3"]])
    assert said is not None
    assert said.endswith("its rows drift, those of the others do not")
