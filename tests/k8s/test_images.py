"""The images: what they are made of is pinned with hashes, and is what was tested together."""

import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.long import LONG

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

EXTRAS = {
    "collector": (),
    "service": ("service", "embedded", "postgres"),
    "service-cuda": ("service", "embedded", "postgres", "gpu"),
}
IN_THE_IMAGE = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux"}

COPIED = {
    source
    for line in re.findall(r"^COPY (?!--from)(.*)", DOCKERFILE, re.MULTILINE)
    for source in line.split()[:-1]
}

every_image = pytest.mark.parametrize("target", EXTRAS)


def pinned(path: Path) -> dict[str, str]:
    """Versions by package, as they are for the image's Python."""
    lines = re.findall(
        r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)(?: ; ([^\\\n]+?))? ?\\?$", path.read_text(), re.MULTILINE
    )
    return {
        canonicalize_name(name): version
        for name, version, marker in lines
        if not marker or Marker(marker.strip()).evaluate(IN_THE_IMAGE)
    }


@every_image
def test_what_the_project_needs_is_pinned_in_a_version_that_it_takes(target: str) -> None:
    found = pinned(ROOT / "locks" / f"{target}.txt")
    texts = [*PROJECT["dependencies"]]
    for extra in EXTRAS[target]:
        texts += PROJECT["optional-dependencies"][extra]
    for one in map(Requirement, texts):
        if one.marker is None or one.marker.evaluate(IN_THE_IMAGE):
            assert one.specifier.contains(found[canonicalize_name(one.name)], prereleases=True), one


@every_image
def test_versions_are_those_that_were_tested_together(target: str) -> None:
    tested = pinned(ROOT / "constraints.txt")
    found = pinned(ROOT / "locks" / f"{target}.txt")
    assert {name: found[name] for name in found.keys() & tested.keys()} == {
        name: tested[name] for name in found.keys() & tested.keys()
    }
    assert len(found.keys() & tested.keys()) > len(found) / 2


@every_image
def test_nothing_is_installed_without_a_hash(target: str) -> None:
    text = (ROOT / "locks" / f"{target}.txt").read_text()
    packages = re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert packages
    assert all("--hash=sha256:" in one for one in packages)
    installs = re.findall(r"pip install (.*)", DOCKERFILE)
    assert f"--require-hashes --no-deps -r locks/{target}.txt" in installs
    rest = {one for one in installs if "--require-hashes" not in one}
    assert rest == {"--no-deps --no-build-isolation ."}


def test_the_collectors_image_has_nothing_that_a_collector_does_not_import() -> None:
    heavy = {"scipy", "scikit-learn", "sqlalchemy", "fastapi", "torch", "httpx2", "s3fs"}
    assert not heavy & pinned(ROOT / "locks" / "collector.txt").keys()
    assert {"scipy", "torch"} <= pinned(ROOT / "locks" / "service-cuda.txt").keys()


def test_what_is_copied_is_there_and_goes_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert sent == COPIED
    assert all((ROOT / source).exists() for source in COPIED)


def test_they_run_as_nobody_with_their_program_as_process_one() -> None:
    _, _, runtime = DOCKERFILE.partition("AS runtime")
    assert "USER 65534:65534" in runtime
    assert 'ENTRYPOINT ["driftmeter"]' in runtime
    assert f'version="{PROJECT["version"]}"' in runtime
    assert "RUN " not in runtime  # needs no shell, then


@pytest.mark.parametrize("target", [pytest.param("collector", marks=LONG)])
def test_what_is_pinned_is_enough_to_run(target: str, tmp_path: Path) -> None:
    """As the Dockerfile does it, with the Python of this machine."""
    venv.create(tmp_path / "venv", with_pip=True)
    python, commands = tmp_path / "venv" / "bin" / "python", tmp_path / "venv" / "bin"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps"]
    lock = ROOT / "locks" / f"{target}.txt"
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    source = tmp_path / "source"
    source.mkdir()
    command = ["git", "ls-files", *sorted(COPIED - {"locks"})]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    subprocess.run(["cp", "--parents", *files.split(), str(source)], cwd=ROOT, check=True)
    subprocess.run([*pip, "--no-build-isolation", str(source)], check=True)
    for role in ("collect", "inject", "admit"):
        subprocess.run([commands / "driftmeter", role, "--help"], check=True, capture_output=True)
