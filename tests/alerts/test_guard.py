"""Which URLs and addresses are refused: a corpus, the standard library, and real connections."""

import ipaddress
import socket
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.guard import MAIL, ForbiddenTargetError, Guard, system_resolver


def words(text: str) -> list[str]:
    return text.split()


PRIVATE = words(
    """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.255.255.254 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.8 192.0.0.170 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1
198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ::
::1 ::2 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:10.0.0.1
::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1
2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::
2002:c0a8:101::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254
fd12:3456:789a::1 fe80::1 fe80::1%lo febf::1 fec0::1 feff::1 ff02::1 ff0e::1
"""
)

PUBLIC = words(
    """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255 203.0.114.0 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450:4001::1 2c0f::1
::ffff:8.8.8.8
"""
)

NUMERIC_HOSTS = [
    ("http://2130706433/", "127.0.0.1"),
    ("http://2852039166/", "169.254.169.254"),
    ("https://0x7f000001/", "127.0.0.1"),
    ("https://0x7f.1/", "127.0.0.1"),
    ("https://0177.0.0.1/", "127.0.0.1"),
    ("https://017700000001/", "127.0.0.1"),
    ("https://127.1/", "127.0.0.1"),
    ("https://127.0.1/", "127.0.0.1"),
    ("https://0/", "0.0.0.0"),
    ("https://0xa9fea9fe/", "169.254.169.254"),
    ("https://0251.0376.0251.0376/", "169.254.169.254"),
    ("https://0xA9.254.0xA9.254/", "169.254.169.254"),
    ("https://[::1]/", "::1"),
    ("https://[0:0:0:0:0:0:0:1]/", "::1"),
    ("https://[::ffff:7f00:1]/", "::ffff:127.0.0.1"),
    ("https://localhost/", ""),
    ("https://LOCALHOST./", ""),
    ("https://127.0.0.1:443/", "127.0.0.1"),
    ("https://0x7f.0x0.0x0.0x1/", "127.0.0.1"),
    ("https://0300.0250.0.1/", "192.168.0.1"),
    ("https://3232235521/", "192.168.0.1"),
    ("https://10.1/", "10.0.0.1"),
    ("https://172.1048577/", "172.16.0.1"),
    ("https://0.0.0.0/", "0.0.0.0"),
    ("https://169.254.169.254/latest/meta-data/", ""),
    ("https://[::]/", "::"),
    ("https://[::ffff:169.254.169.254]/", "::ffff:169.254.169.254"),
    ("https://[64:ff9b::169.254.169.254]/", "64:ff9b::a9fe:a9fe"),
    ("https://[2002:7f00:1::]/", "2002:7f00:1::"),
    ("https://[fe80::1%25lo]/", ""),
    ("https://127.0.0.1.:443/", ""),
    ("https://127.0.0.1:8443/", ""),
    ("https://localhost.localdomain./", ""),
    ("https://%31%32%37.0.0.1/", ""),
    ("https://①②⑦.0.0.1/", ""),
]

NOT_A_TARGET = [
    "",
    "hooks.example",
    "//hooks.example/",
    "file:///etc/passwd",
    "ftp://hooks.example/",
    "gopher://hooks.example/",
    "javascript:alert(1)",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "sftp://hooks.example/",
    "ws://hooks.example/",
    "data:text/plain,hello",
    "jar:https://hooks.example!/",
    "https:/hooks.example/",
    "https:hooks.example",
    "https://hooks.example\\@127.0.0.1/",
    "https://127.0.0.1@/",
    "https://",
    "https:///path",
    "https://:443/",
    "https://user@hooks.example/",
    "https://user:password@hooks.example/",
    "https://hooks.example@127.0.0.1/",
    "https://hooks.example:70000/",
    "https://hooks.example:port/",
    "https://[::1/",
    "https://[hooks.example]/",
    "https://a..b/",
    "https://hooks\x00.example/",
]


def test_the_corpus_has_the_size_that_is_promised() -> None:
    assert len(PRIVATE) + len(NUMERIC_HOSTS) + len(NOT_A_TARGET) >= 120


def guard(*addresses: str, allow: tuple[str, ...] = ()) -> Guard:
    """A guard for which every name has these addresses."""
    return Guard(allow=tuple(map(ip_network, allow)), resolver=lambda _host, _port: addresses)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenTargetError, match="not a public address"):
        guard(address).check("https://hooks.example/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address: str) -> None:
    assert guard(address).check("https://hooks.example/").addresses == (address,)


@given(st.ip_addresses())
def test_nothing_is_let_through_that_the_standard_library_knows_as_local(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    try:
        guard(str(address)).check("https://hooks.example/")
    except ForbiddenTargetError:
        return
    assert address.is_global
    assert not address.is_multicast


@pytest.mark.parametrize(("url", "address"), NUMERIC_HOSTS)
def test_no_spelling_of_a_local_host_gets_through(url: str, address: str) -> None:
    with pytest.raises((ForbiddenTargetError, socket.gaierror)):
        Guard().check(url)
    if address:
        host = url.split("//")[1].rstrip("/").removesuffix(":443").strip("[]")
        assert system_resolver(host, 443) == [address]


@pytest.mark.parametrize("url", NOT_A_TARGET)
def test_what_is_not_a_plain_http_url_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        Guard(resolver=_encodable).check(url)


def _encodable(host: str, port: int) -> list[str]:
    """Resolves what the system could look up, to a public address."""
    if "\x00" in host:
        raise ValueError("embedded null character")
    host.encode("idna")
    return ["8.8.8.8"]


def test_one_local_address_among_public_ones_refuses_all() -> None:
    with pytest.raises(ForbiddenTargetError, match=r"127\.0\.0\.1"):
        guard("8.8.8.8", "127.0.0.1").check("https://hooks.example/")


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(ForbiddenTargetError, match="no address"):
        guard().check("https://hooks.example/")


def test_a_resolver_s_nonsense_is_refused() -> None:
    with pytest.raises(ForbiddenTargetError, match="not an address"):
        guard("hooks.example").check("https://hooks.example/")


@pytest.mark.parametrize(
    "url", ["http://h.example/", "https://h.example:25/", "http://h.example:443/"]
)
def test_outside_only_https_on_its_usual_ports(url: str) -> None:
    with pytest.raises(ForbiddenTargetError, match="only https"):
        guard("8.8.8.8").check(url)
    assert guard("8.8.8.8", allow=("8.8.8.0/24",)).check(url).addresses == ("8.8.8.8",)


@pytest.mark.parametrize("url", ["smtp://h.example:25", "smtps://h.example:587"])
def test_outside_only_mail_on_its_ports_for_clients(url: str) -> None:
    with pytest.raises(ForbiddenTargetError, match="only smtp on port 587, smtps on port 465"):
        guard("8.8.8.8").check(url, MAIL)
    assert guard("8.8.8.8", allow=("8.8.8.0/24",)).check(url, MAIL).addresses == ("8.8.8.8",)


def test_one_scheme_is_not_taken_for_another() -> None:
    assert guard("8.8.8.8").check("smtp://h.example", MAIL).port == 587
    assert guard("8.8.8.8").check("smtps://h.example", MAIL).port == 465
    with pytest.raises(ForbiddenTargetError, match="only http and https"):
        guard("8.8.8.8").check("smtp://h.example")
    with pytest.raises(ForbiddenTargetError, match="only smtp and smtps"):
        guard("8.8.8.8").check("https://h.example", MAIL)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("::ffff:127.0.0.1", "127.0.0.0/8"),
        ("10.1.2.3", "10.1.0.0/16"),
        ("fd00::5", "fd00::/8"),
        ("64:ff9b::808:808", "64:ff9b::/96"),
    ],
)
def test_an_allowed_network_is_let_through_and_its_neighbour_is_not(
    address: str, network: str
) -> None:
    assert guard(address, allow=(network,)).check("http://in.cluster:8080/").port == 8080
    with pytest.raises(ForbiddenTargetError):
        guard("192.168.0.1", allow=(network,)).check("http://in.cluster:8080/")


def test_a_name_is_resolved_once_so_that_it_cannot_change_in_between() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    rebinding = Guard(resolver=lambda _host, _port: next(answers))
    assert rebinding.check("https://rebind.example/").addresses == ("8.8.8.8",)
    with pytest.raises(ForbiddenTargetError):
        rebinding.check("https://rebind.example/")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h.example", "/"),
        ("https://h.example?a=1", "/?a=1"),
        ("https://h.example/a/b?c=d&e=%20#part", "/a/b?c=d&e=%20"),
        ("https://h.example/größe", "/gr%C3%B6%C3%9Fe"),
        ("https://h.example/a b", "/a%20b"),
    ],
)
def test_the_path_is_what_http_can_carry(url: str, path: str) -> None:
    assert guard("8.8.8.8").check(url).path == path
