from pathlib import Path

import pytest

from monitor.kafka.security import SecurityError, read_security


def file(folder: Path, text: str) -> Path:
    path = folder / "kafka.properties"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_keys_of_librdkafka_become_the_clients(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    text = f"""
        # as Strimzi makes them
        security.protocol = SASL_SSL
        sasl.mechanism=SCRAM-SHA-512
        sasl.username=driftmeter
        sasl.password.location={password}
        ssl.ca.location=/ca.crt
        ssl.endpoint.identification.algorithm=none
    """
    assert read_security(file(tmp_path, text)) == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "driftmeter",
        "sasl_plain_password": "secret",
        "ssl_cafile": "/ca.crt",
        "ssl_check_hostname": False,
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("security.protocol", "line 1: there is no '='"),
        ("bootstrap.servers=a:9092", "unknown key 'bootstrap.servers'; known are "),
        ("security.protocol=TLS", "security.protocol is 'TLS', not one of PLAINTEXT, SSL, "),
        ("security.protocol=SASL_SSL", "SASL needs sasl.mechanism; SASL needs sasl.password.loc"),
        ("sasl.password=a\nsasl.password.location=b", "give either sasl.password or "),
        ("sasl.password.location=/nowhere/at/all", "/nowhere/at/all cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(SecurityError) as raised:
        read_security(file(tmp_path, text))
    assert fault in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecurityError, match=r"nothing\.properties cannot be read"):
        read_security(tmp_path / "nothing.properties")
