import os
from pathlib import Path

import pytest

from monitor.spec.documents import DocumentError
from monitor.spec.quotas import Quota
from monitor.tenants.quotas import QuotaFile, quotas_of

DOCUMENT = """\
apiVersion: driftmeter.dev/v1
kind: Quotas
spec:
  others: {monitors: 5, rows_per_second: 1000}
  namespaces:
    transit: {monitors: 50, spool: 2GiB}
    operator: {monitors: null}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quotas.yaml"
    path.write_text(DOCUMENT)
    return path


def test_what_a_namespace_leaves_out_it_has_as_others_have_it(file: Path) -> None:
    quotas = QuotaFile(file)
    assert quotas.of("transit") == Quota(monitors=50, rows_per_second=1000, spool=2 << 30)
    assert quotas.of("billing") == Quota(monitors=5, rows_per_second=1000)


def test_null_is_no_limit_where_others_have_one(file: Path) -> None:
    assert QuotaFile(file).of("operator").monitors is None


def test_without_a_file_nobody_has_a_limit() -> None:
    assert quotas_of(None).of("transit") == Quota()


def test_a_changed_file_is_in_force_at_once(file: Path) -> None:
    quotas = QuotaFile(file)
    file.write_text(DOCUMENT.replace("50", "60"))
    os.utime(file, ns=(1, 1))  # two writes may fall into one tick of the clock
    assert quotas.of("transit").monitors == 60


@pytest.mark.parametrize("broken", ["monitors: [", "", DOCUMENT.replace("50", "many")])
def test_a_change_that_cannot_be_read_changes_nothing(
    file: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    quotas = QuotaFile(file)
    file.write_text(broken)
    assert quotas.of("transit").monitors == 50
    assert "the quotas are as they were" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("monitors: 50", "monitor: 50", "6:15: spec.namespaces.transit.monitor"),
        ("2GiB", "2GB", "6:29: spec.namespaces.transit.spool"),
        ("transit:", "Transit:", "6:5: spec.namespaces.Transit"),
    ],
)
def test_every_fault_is_told_with_its_place(file: Path, old: str, new: str, where: str) -> None:
    file.write_text(DOCUMENT.replace(old, new))
    with pytest.raises(DocumentError) as caught:
        QuotaFile(file)
    assert where in str(caught.value)


def test_a_file_holds_one_document(file: Path) -> None:
    file.write_text(f"{DOCUMENT}---\n{DOCUMENT}")
    with pytest.raises(DocumentError, match="named 'quotas' too"):
        QuotaFile(file)
