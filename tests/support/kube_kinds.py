"""The kinds of other operators that the chart makes objects of, as their makers define them.

KEDA, the Prometheus operator, cert-manager and the Gateway API have their definitions in their Go
modules; Strimzi makes them of the classes that it publishes for Java.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

POM = Path(__file__).parents[1] / "k8s" / "strimzi" / "pom.xml"

IN_MODULES = {
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "github.com/cert-manager/cert-manager@v1.21.2": (
        "deploy/crds/cert-manager.io_certificates.yaml",
    ),
    "sigs.k8s.io/gateway-api@v1.6.3": (
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
}

OF_STRIMZI = {
    "kafkatopics": "io.strimzi.api.kafka.model.topic.KafkaTopic",
    "kafkausers": "io.strimzi.api.kafka.model.user.KafkaUser",
}


def folder(cache: Path) -> Path:
    """Where the definitions are kept, by what they are taken from."""
    pinned = repr((IN_MODULES, OF_STRIMZI, POM.read_text("utf-8")))
    return cache / f"kubernetes-kinds-{hashlib.sha256(pinned.encode()).hexdigest()[:12]}"


def definitions(cache: Path) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions; they must have been fetched."""
    return [yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder(cache).iterdir())]


def fetch(cache: Path) -> None:
    """Raises CalledProcessError where a registry does not have them; needs Go, Maven and Java."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as begun:
        finished = Path(begun) / "finished"
        finished.mkdir()
        for module, paths in IN_MODULES.items():
            for path in paths:
                shutil.copy(_module(module, cache) / path, finished)
        _of_strimzi(finished, Path(begun) / "jars")
        finished.rename(folder(cache))


def _module(pinned: str, where: Path) -> Path:
    """A module's own folder; Go checks its content against the checksum database."""
    command = ["go", "mod", "download", "-json", pinned]
    said = subprocess.run(command, check=True, capture_output=True, cwd=where).stdout
    return Path(json.loads(said)["Dir"])


def _of_strimzi(finished: Path, jars: Path) -> None:
    maven = ["mvn", "--quiet", "--batch-mode", "--file", str(POM)]
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    subprocess.run([*maven, *copy], check=True, stdin=subprocess.DEVNULL)
    written = [f"{name}={finished / plural}.yaml" for plural, name in OF_STRIMZI.items()]
    generator = ["io.strimzi.crdgenerator.CrdGenerator", "--yaml", *written]
    subprocess.run(["java", "-cp", f"{jars}{os.sep}*", *generator], check=True)
