"""The images: what they are made of is pinned with hashes, and is what was tested together."""

import json
import re
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from locks import sbom
from monitor.up.supervisor import Supervisor, free_port
from tests.support.long import LONG

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

EXTRAS = {
    "collector": (),
    "service": ("service", "embedded", "postgres"),
    "service-cuda": ("service", "embedded", "postgres", "gpu"),
}
ROLES = {
    "collector": ("collect", "inject", "admit", "consume"),
    "service": ("aggregate", "detect", "serve", "controller", "up", "prove"),
}
"""What an image is to start; that with PyTorch is some gigabytes, and otherwise as the second."""

IN_THE_IMAGE = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux"}

COPIED = {
    source
    for line in re.findall(r"^COPY (?!--from)(.*)", DOCKERFILE, re.MULTILINE)
    for source in line.split()[:-1]
}

INSTALLS = {
    target: re.findall(r"^RUN pip install (.*?)(?: &&.*)?$", text, re.MULTILINE)
    for target, text in re.findall(
        r"^FROM build AS build-(\S+)$(.*?)(?=^FROM)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}
"""What pip is told to install in which stage."""

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
    own, ourselves = INSTALLS[target]
    assert own == f"--require-hashes --no-deps -r locks/{target}.txt"
    assert ourselves == "--no-deps --no-build-isolation ."


def test_a_linter_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    ended = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def test_every_stage_begins_with_the_same_python_whatever_becomes_of_its_tag() -> None:
    (base,) = re.findall(r"^ARG BASE=python:(\S+)@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert base.startswith(f"{IN_THE_IMAGE['python_version']}.")
    begun = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    named = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))
    assert begun - named == {"${BASE}"}


def test_every_image_has_its_bill_of_materials() -> None:
    assert DOCKERFILE.count("python locks/sbom.py > /opt/driftmeter/sbom.cdx.json") == len(INSTALLS)


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


def test_the_bill_of_materials_is_what_cyclonedx_specifies_and_names_what_is_installed() -> None:
    made = sbom.bill(distributions(), "3.13.0")
    faults = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))
    assert faults is None, faults
    found = {one["name"]: one["version"] for one in made["components"]}
    assert found["numpy"] == version("numpy")
    assert (made["metadata"]["component"]["name"], "driftmeter" in found) == ("driftmeter", False)


@dataclass(frozen=True, slots=True)
class Prefix:
    """What an image has in /opt/driftmeter, in another folder and with this machine's Python."""

    folder: Path

    @property
    def program(self) -> str:
        return str(self.folder / "bin" / "driftmeter")

    def python(self, *args: str | Path) -> str:
        command = [self.folder / "bin" / "python", *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def built(target: str, folder: Path) -> Prefix:
    """By the instructions of the Dockerfile: its installs and its bill of materials."""
    venv.create(folder / "venv", with_pip=True)
    found = Prefix(folder / "venv")
    source = folder / "source"
    source.mkdir()
    command = ["git", "ls-files", *sorted(COPIED)]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    subprocess.run(["cp", "--parents", *files.split(), str(source)], cwd=ROOT, check=True)
    for install in INSTALLS[target]:
        args = install.replace("locks/", f"{source}/locks/").split()
        args = [str(source) if one == "." else one for one in args]
        found.python("-m", "pip", "install", "--quiet", *args)
    return found


@pytest.mark.parametrize("target", [pytest.param(name, marks=LONG) for name in ROLES])
def test_what_is_pinned_is_enough_to_run(
    target: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    image = built(target, tmp_path)
    for role in ROLES[target]:
        subprocess.run([image.program, role, "--help"], check=True, capture_output=True)
    listed = json.loads(image.python(ROOT / "locks" / "sbom.py"))["components"]
    names = {one["name"] for one in listed} - {"CPython", "pip"}
    assert names <= pinned(ROOT / "locks" / f"{target}.txt").keys()
    if target == "service":
        proves_itself(image, supervisor, tmp_path / "data")


def proves_itself(image: Prefix, supervisor: Supervisor, data: Path) -> None:
    api, ingest = (f"127.0.0.1:{free_port()}" for _ in range(2))
    metrics = [f"--{role}-metrics=127.0.0.1:{free_port()}" for role in ("aggregate", "detect")]
    up = [image.program, "up", f"--data={data}", f"--api={api}", f"--ingest={ingest}", *metrics]
    supervisor.start("up", up, ready=f"http://{api}/readyz")
    prove = [image.program, "prove", f"--api=http://{api}", f"--ingest=http://{ingest}"]
    subprocess.run(prove, check=True, capture_output=True)
