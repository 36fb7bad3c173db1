"""Put a question to a peer in its own environment, and take its answer."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers.environments import ENVIRONMENTS
from benchmarks.peers.exchange import Question, Strengths

ROOT = Path(__file__).parents[2]
PEERS = ("alibi_detect", "evidently", "nannyml")
"""Peers that judge windows, each by the module of its name."""


def ask(peer: str, question: Question) -> Strengths:
    """By setting of the peer, how strongly each window drifted. Its environment is made if need
    be. Raises subprocess.CalledProcessError where the peer fails, with what it said on stderr.
    """
    python = ENVIRONMENTS.install(peer)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "question.npz"), Path(folder, "answer.json")
        question.save(asked)
        script = f"benchmarks.peers.{peer}"
        command = [str(python), "-m", script, str(asked), str(answered)]
        subprocess.run(command, check=True, cwd=ROOT, env=_environment(), stdout=sys.stderr)
        plain = json.loads(answered.read_text())
    return {name: np.array(strengths) for name, strengths in plain.items()}


def _environment() -> dict[str, str]:
    """Ours, quiet: no report of usage is sent, one thread is used, and no warning is shown."""
    return os.environ | {
        "NML_DISABLE_USAGE_LOGGING": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
