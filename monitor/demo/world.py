"""When the demo's story takes place, what things are called, and where its files are."""

import json
import secrets
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template

import yaml

from alerts.webhooks import new_secret
from monitor.spec.model import Monitor

NAME = "free-seats"
"""Of the model and of its monitor."""

PREDICTION = "predicted_free_seats"

SEED = 7
ROWS_PER_DAY = 500
TRAINING = (date(2018, 1, 8), 365)
"""The year that the first model learns from: its first day, and how many days."""

VALIDATION = (date(2019, 1, 7), 114)
"""The days on which the model was tried before it went to work: the first reference. They are
those of the story's season one year before, and not a whole year, because spring is not like
the year: against a year, every day of winter would be cold."""

FIRST_DAY = date(2020, 2, 10)
LOCKDOWN = date(2020, 3, 16)


@dataclass(frozen=True, slots=True)
class Folder:
    """The demo's folder, and where things are in it."""

    path: Path

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def warehouse(self) -> Path:
        return self.path / "rides"

    @property
    def secret(self) -> Path:
        return self.path / "retrain-secret"

    @property
    def monitor(self) -> Path:
        return self.path / "monitor.yaml"

    @property
    def night(self) -> Path:
        """A file that is there while a retraining waits for days of labels, saying for which, and
        then until it has deployed a model: no day begins between the last of them and its end."""
        return self.path / "night"

    def reference(self, version: int) -> Path:
        return self.path / f"reference-{version}.parquet"

    def document(self, version: int) -> Monitor:
        """The Monitor document that stands in the folder, with another reference."""
        document = yaml.safe_load(self.monitor.read_text())
        document["spec"]["reference"]["url"] = str(self.reference(version))
        return Monitor.model_validate(document)

    def write_monitor(self, retrain_url: str) -> None:
        """Writes the webhook's secret, and the Monitor document with the first reference."""
        self.secret.touch(mode=0o600)
        self.secret.write_text(new_secret(secrets.token_bytes))
        template = Template((files(__package__) / "monitor.yaml").read_text())
        quoted = {
            "reference": json.dumps(str(self.reference(version=1))),
            "retrain_url": json.dumps(retrain_url),
            "secret_file": json.dumps(str(self.secret)),
        }
        self.monitor.write_text(template.substitute(quoted))
