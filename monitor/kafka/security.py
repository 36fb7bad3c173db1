"""How a client proves itself to Kafka: a properties file, so that no secret is on a command line.

The keys are librdkafka's, which most operators know::

    security.protocol=SASL_SSL
    sasl.mechanism=SCRAM-SHA-512
    sasl.username=driftmeter
    sasl.password.location=/etc/kafka/password
    ssl.ca.location=/etc/kafka/ca.crt

https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md; `sasl.password.location`
is ours: a file with the password alone, as Kubernetes mounts it from a secret.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

_OPTIONS = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
}
PASSWORD_LOCATION = "sasl.password.location"  # noqa: S105  # a key, not a password
ENDPOINT_IDENTIFICATION = "ssl.endpoint.identification.algorithm"

_CHOICES = {
    "security.protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    ENDPOINT_IDENTIFICATION: ("https", "none"),
}

Settings = Mapping[str, object]
"""Keyword arguments of kafka-python's clients."""


class SecurityError(ValueError):
    """A properties file that cannot be used; the message names the file and the key."""


def read_security(path: Path) -> Settings:
    """The clients' settings in a properties file. Raises SecurityError with all its faults."""
    properties = dict(_properties(path))
    faults = list(_faults(properties))
    if faults:
        raise SecurityError(f"{path}: {'; '.join(faults)}")
    settings: dict[str, object] = {
        option: properties[key] for key, option in _OPTIONS.items() if key in properties
    }
    if PASSWORD_LOCATION in properties:
        secret = Path(properties[PASSWORD_LOCATION])
        settings["sasl_plain_password"] = _text(secret).strip()
    if properties.get(ENDPOINT_IDENTIFICATION) == "none":
        settings["ssl_check_hostname"] = False
    return settings


def _properties(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.partition("=")
        if not equals:
            raise SecurityError(f"{path}, line {number}: there is no '='")
        yield key.strip(), value.strip()


def _faults(properties: Mapping[str, str]) -> Iterator[str]:
    known = {*_OPTIONS, PASSWORD_LOCATION, ENDPOINT_IDENTIFICATION}
    for key, value in properties.items():
        if key not in known:
            yield f"unknown key {key!r}; known are {', '.join(sorted(known))}"
        elif value not in _CHOICES.get(key, (value,)):
            yield f"{key} is {value!r}, not one of {', '.join(_CHOICES[key])}"
    if "sasl.password" in properties and PASSWORD_LOCATION in properties:
        yield f"give either sasl.password or {PASSWORD_LOCATION}"
    if properties.get("security.protocol", "").startswith("SASL"):
        needed = {"sasl.mechanism", "sasl.username"} - properties.keys()
        if not properties.keys() & {"sasl.password", PASSWORD_LOCATION}:
            needed.add(PASSWORD_LOCATION)
        yield from (f"SASL needs {key}" for key in sorted(needed))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SecurityError(f"{path} cannot be read: {error}") from error
