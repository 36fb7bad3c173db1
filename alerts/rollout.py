"""Whether another version of the model began to answer when an alert began: its probable cause."""

from collections.abc import Iterable, Sequence

from detectors.report import Verdict, VersionReport

WINDOWS_BACK = 3
"""So many windows before an alert began a rollout may lie, and be its cause."""

MAX_NAMED = 3


def rollout(versions: Sequence[VersionReport], before: Sequence[Iterable[str]]) -> str | None:
    """What to say of a rollout; None where none is seen.

    versions: of the window with which the alert began. before: the versions that answered in each
        of the windows before it, the latest first, at most `WINDOWS_BACK` and one more.
    """
    here = [one.version for one in versions]
    if not here or not before:
        return None
    earlier = set(before[-1])
    new = [version for version in here if version not in earlier]
    if not new or not earlier:
        return None
    said = f"model version {_named(new)} began to answer, where {_named(sorted(earlier))} had"
    return said + _apart(versions, set(new))


def _apart(versions: Sequence[VersionReport], new: set[str]) -> str:
    """What tells the new from the old where both answer: only the one drifts."""
    drifting = {one.version for one in versions if one.verdict is Verdict.DRIFT}
    quiet = {one.version for one in versions if one.verdict is Verdict.QUIET}
    return "; its rows drift, those of the others do not" if drifting == new and quiet else ""


def _named(versions: Sequence[str]) -> str:
    names = [repr(version) if version else "without a name" for version in versions]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
