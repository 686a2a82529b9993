"""Where calls to addresses that users give may go: nowhere inside, unless the operator says so."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.value import value

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_CHARACTERS_MAX = 2_048
_HTTPS_PORT = 443
_FIRST_FREE_PORT = 1_024
_GLOBAL_V6 = IPv6Network("2000::/3")
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
"""What not every Python takes for private, or what leads on to another address."""


@value(frozen=True, slots=True)
class Egress:
    """The rule: https to addresses that are globally routable, and whatever lies in ``allowed``."""

    allowed: Collection[Network] = ()

    def refusal_of_url(self, url: str) -> str | None:
        """Why nothing is ever sent to this URL; None where that depends on the addresses of its host."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return "it is no URL"
        if not host or len(url) > URL_CHARACTERS_MAX or not url.isascii() or _has_blanks(url):
            return "it is no URL"
        if parts.scheme != "https" and not (parts.scheme == "http" and self.allowed):
            return "it must begin with https://, unless LEADGEN_WEBHOOK_ALLOW names its network"
        if "@" in parts.netloc or parts.fragment:
            return "it must hold no user, no password and no fragment"
        if not self.allowed and port not in (None, _HTTPS_PORT) and port < _FIRST_FREE_PORT:
            return f"port {port} belongs to another service"
        address = _literal(host)
        return self.refusal_of(address, is_plain=parts.scheme == "http") if address else None

    def refusal_of(self, address: Address, *, is_plain: bool) -> str | None:
        """Why nothing is sent to this address; None where something may be."""
        if any(address in network for network in self.allowed if network.version == address.version):
            return None
        if is_plain:
            return "without https only addresses in LEADGEN_WEBHOOK_ALLOW are called"
        if _is_routable(address):
            return None
        return "its address is neither globally routable nor in LEADGEN_WEBHOOK_ALLOW"


def parse_networks(text: str, setting: str) -> tuple[Network, ...]:
    """The networks of a list such as ``127.0.0.0/8, fd00::/8``; raises InvalidSetting."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise InvalidSetting(setting, text, "networks such as 10.0.0.0/8, separated by commas") from None


def _is_routable(address: Address) -> bool:
    """IPv4 inside IPv6 (mapped, translated, tunnelled) is none: such an address leads to another one."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    return not any(address in network for network in _NEVER if network.version == address.version)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _has_blanks(url: str) -> bool:
    return any(character <= " " or character in '\\"<>\x7f' for character in url)
