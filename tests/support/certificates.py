"""Certificates for servers of this machine, made as an operator would."""

import subprocess
from pathlib import Path

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")


def self_signed(openssl: Path, folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key; anew at every call."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [str(openssl), "req", "-x509", *CURVE, *names, *where], check=True, capture_output=True
    )
    return certificate, key
