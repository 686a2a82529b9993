"""Nothing inside is called because a user asked for it."""

import ipaddress

import pytest

from leadgen.domain.egress import Egress, parse_networks
from leadgen.domain.errors import InvalidSetting

LAN = Egress(parse_networks("10.1.0.0/16, fd00:1::/32", "X"))

INSIDE = (
    "0.0.0.1", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1",
    "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "224.0.0.1", "224.0.1.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip
OUTSIDE = (
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1",
)  # fmt: skip


@pytest.mark.parametrize("text", INSIDE)
def test_inside(text: str) -> None:
    """Loopback, private, shared, link-local, documentation, multicast, mapped and tunnelled: refused."""
    address = ipaddress.ip_address(text)
    assert Egress().refusal_of(address, is_plain=False)
    host = f"[{text}]" if ":" in text else text
    assert Egress().refusal_of_url(f"https://{host}/hook")


@pytest.mark.parametrize("text", OUTSIDE)
def test_outside(text: str) -> None:
    """What is globally routable may be called, over https alone."""
    address = ipaddress.ip_address(text)
    assert Egress().refusal_of(address, is_plain=False) is None
    assert Egress().refusal_of(address, is_plain=True)
    assert LAN.refusal_of(address, is_plain=False) is None
    assert LAN.refusal_of(address, is_plain=True)


@pytest.mark.parametrize("text", ["10.1.0.1", "10.1.255.255", "fd00:1::7"])
def test_allowed(text: str) -> None:
    """What the operator has allowed may be called, also without https; its neighbours may not."""
    assert LAN.refusal_of(ipaddress.ip_address(text), is_plain=True) is None
    assert LAN.refusal_of(ipaddress.ip_address(text), is_plain=False) is None
    assert LAN.refusal_of(ipaddress.ip_address("10.2.0.1"), is_plain=False)
    assert LAN.refusal_of(ipaddress.ip_address("::ffff:10.1.0.1"), is_plain=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://lovelace.example/hook",
        "https://lovelace.example:443/hook?x=1",
        "https://lovelace.example:8443/",
        "https://[2606:4700::1111]/",
    ],
)
def test_good_urls(url: str) -> None:
    """https, with a host, on its own port or on one that is nobody's."""
    assert Egress().refusal_of_url(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "hook", "https://", "https:///hook", "http://lovelace.example/", "ftp://lovelace.example/",
        "file:///etc/hostname", "gopher://lovelace.example/", "https://user@lovelace.example/",
        "https://user:word@lovelace.example/", "https://lovelace.example/#top", "https://lovelace.example:22/",
        "https://lovelace.example:0/", "https://lovelace.example:99999/", "https://lovelace.example:x/",
        "https://lovelace.example/a b", "https://lovelace.example\\@127.0.0.1/", "https://lovelace.example/\n",
        "https://[::1", "https://lövelace.example/", "https://lovelace.example/" + "a" * 2_100,
    ],
)  # fmt: skip
def test_bad_urls(url: str) -> None:
    """Another scheme, a user, a fragment, a port of another service, or no URL at all."""
    assert Egress().refusal_of_url(url)


def test_plain_http_where_it_is_allowed() -> None:
    """With networks allowed a name may be given without https: its addresses decide."""
    assert LAN.refusal_of_url("http://printer.example:80/hook") is None
    assert LAN.refusal_of_url("http://8.8.8.8/hook")
    assert LAN.refusal_of_url("http://10.1.2.3:80/hook") is None


@pytest.mark.parametrize("text", ["10.0.0.1/8", "nonsense", "10.0.0.0/33", "127.0.0.1-127.0.0.9"])
def test_bad_networks(text: str) -> None:
    """What is no list of networks is told in the name of its setting."""
    with pytest.raises(InvalidSetting, match="LEADGEN_WEBHOOK_ALLOW"):
        parse_networks(text, "LEADGEN_WEBHOOK_ALLOW")


def test_no_networks() -> None:
    """An empty setting allows nothing."""
    assert parse_networks(" , ", "X") == ()
