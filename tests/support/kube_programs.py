"""A Kubernetes API server and its etcd, built once from the Go modules that api_server/go.mod pins.

`python -m tests.support.kube_programs` builds them, some eight minutes of one processor, and has
the kinds of other operators fetched.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).parents[1] / "k8s" / "api_server"

VERSION = "v1.37.2"

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
}


def folder(cache: Path) -> Path:
    """Where the programs are kept, by what they are built from."""
    pinned = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    return cache / f"kubernetes-{hashlib.sha256(pinned).hexdigest()[:12]}"


def are_built(cache: Path) -> bool:
    return all((folder(cache) / name).exists() for name in PACKAGES)


def build(cache: Path) -> None:
    """Raises FileNotFoundError without Go, CalledProcessError if they cannot be built."""
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("there is no Go, of which the API server is built: install Go 1.26")
    folder(cache).mkdir(parents=True, exist_ok=True)
    version = f"-X k8s.io/component-base/version.gitVersion={VERSION}"
    for name, package in PACKAGES.items():
        finished, begun = folder(cache) / name, folder(cache) / f"{name}.part"
        command = [go, "build", "-mod=readonly", f"-ldflags=-s -w {version}", "-o", str(begun)]
        subprocess.run([*command, package], check=True, cwd=MODULE, stdout=sys.stderr)
        begun.rename(finished)


if __name__ == "__main__":
    from tests.conftest import cache_folder
    from tests.support import kube_kinds

    if not are_built(cache_folder()):
        build(cache_folder())
    if not kube_kinds.folder(cache_folder()).exists():
        kube_kinds.fetch(cache_folder())
