import hashlib
import secrets
from pathlib import Path

import numpy as np
import pytest

from detectors.columns import Rows
from detectors.profile import count, count_labels
from detectors.reference import Reference
from monitor.sql.store import ArtifactStore, References, StoreError, open_store


@pytest.fixture(params=["folder", "memory"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    url = str(tmp_path) if request.param == "folder" else f"memory://{secrets.token_hex(8)}"
    return ArtifactStore(url)


def test_an_id_is_the_hash_of_what_it_names(empty: ArtifactStore) -> None:
    artifact_id = empty.put(b"content")
    assert artifact_id == f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    assert empty.get(artifact_id) == b"content"


def test_putting_the_same_again_changes_nothing(empty: ArtifactStore) -> None:
    assert empty.put(b"content") == empty.put(b"content")


def test_what_is_not_there_is_an_error_that_says_so(empty: ArtifactStore) -> None:
    with pytest.raises(StoreError, match="does not hold"):
        empty.get("sha256:" + 64 * "0")


@pytest.mark.parametrize("name", ["", "sha256:../../etc/passwd", "sha256:" + 64 * "G", "md5:00"])
def test_only_an_id_is_looked_up(empty: ArtifactStore, name: str) -> None:
    with pytest.raises(StoreError, match="not an artifact's id"):
        empty.get(name)


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    artifact_id = store.put(b"content")
    (tmp_path / artifact_id.replace(":", "/")).write_bytes(b"c0ntent")
    with pytest.raises(StoreError, match="damaged"):
        store.get(artifact_id)


def test_a_folder_holds_the_file_and_nothing_unfinished(tmp_path: Path) -> None:
    artifact_id = ArtifactStore(str(tmp_path)).put(b"content")
    assert [p.name for p in (tmp_path / "sha256").iterdir()] == [artifact_id.split(":")[1]]


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write to the store"):
        ArtifactStore(str(tmp_path / "file")).put(b"content")


def test_a_store_is_opened_where_it_can_be_written_to_and_nothing_is_left_there(
    tmp_path: Path,
) -> None:
    assert open_store(str(tmp_path / "new")).url == str(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_store_that_cannot_be_used_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in (str(tmp_path / "file"), "nowhere://bucket"):
        with pytest.raises(StoreError, match=f"{url} cannot be used: .*--store"):
            open_store(url)


def test_references_are_read_once(store: ArtifactStore, reference: Reference) -> None:
    references = References(store)
    assert references.get(reference.id) is references.get(reference.id)


def test_an_artifact_that_is_no_reference_is_an_error(store: ArtifactStore) -> None:
    with pytest.raises(StoreError, match="not a reference"):
        References(store).get(store.put(b"content"))


def test_a_reference_to_count_against_counts_the_same(
    store: ArtifactStore, reference: Reference
) -> None:
    rows = Rows({"x": np.arange(5.0), "prediction": np.arange(5.0)}, 5)
    slim = References(store, for_counting=True).get(reference.id)
    assert (slim.id, len(slim.windows)) == (reference.id, 0)
    assert count(rows, slim) == count(rows, reference)
    truths = np.ones(5)
    assert count_labels(rows.columns["x"], truths, slim) == count_labels(
        rows.columns["x"], truths, reference
    )
