import hashlib
import os
from pathlib import Path

import pytest

from monitor.adapters import folder_digest as module
from monitor.adapters.folder_digest import FolderError, copy_folder, folder_digest


def make(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_it_is_the_digest_of_lengths_names_and_contents(tmp_path: Path) -> None:
    make(tmp_path, b="two", a__c="one")
    parts = [b"a/c", b"one", b"b", b"two"]
    known = hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts))
    assert folder_digest(tmp_path) == known.hexdigest()


@pytest.mark.parametrize(
    "other", [{"a": "x", "b": "z"}, {"a": "x", "c": "y"}, {"a": "xy", "b": ""}, {"a": "x"}]
)
def test_another_content_or_name_has_another_digest(tmp_path: Path, other: dict[str, str]) -> None:
    ours = make(tmp_path / "ours", a="x", b="y")
    assert folder_digest(make(tmp_path / "other", **other)) != folder_digest(ours)


def test_a_copy_has_the_digest_that_copying_says(tmp_path: Path) -> None:
    folder = make(tmp_path / "from", a="1", b__c__d="2")
    digest = copy_folder(folder, tmp_path / "to")
    assert digest == folder_digest(folder) == folder_digest(tmp_path / "to")


def test_links_are_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "folder", a="1")
    (folder / "b").symlink_to("/etc/passwd")
    with pytest.raises(FolderError, match="is a link"):
        folder_digest(folder)


def test_special_files_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FolderError, match="no regular file"):
        folder_digest(tmp_path)


@pytest.mark.parametrize("folder", ["absent", "."])
def test_nothing_is_no_artifact(tmp_path: Path, folder: str) -> None:
    with pytest.raises(FolderError):
        folder_digest(tmp_path / folder)


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 3)
    assert folder_digest(make(tmp_path, a="123"))
    with pytest.raises(FolderError, match="more than"):
        folder_digest(make(tmp_path, b="4"))
