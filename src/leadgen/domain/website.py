"""Company websites as bare hosts."""

from __future__ import annotations

import functools
import re

from leadgen.domain.text import fold

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_LABEL = r"[^\s./:@?#,;<>()\"\\]{1,63}"
_TOP = r"(xn--[a-z0-9-]{1,59}|[^\s./:@?#,;<>()\"\\\d]{2,63})"
_HOST = re.compile(rf"(?=.{{4,253}}$)({_LABEL}\.)+{_TOP}")


@functools.lru_cache(maxsize=1_024)  # many people share a company
def bare_host(text: str) -> str | None:
    """``example.com`` for ``https://www.example.com/about``; None for what holds no host name.

    An international name is given in its ASCII form, so that its two spellings are one.
    """
    address = fold(text)
    if scheme := _SCHEME.match(address):
        address = address[scheme.end() :]
    authority = re.split(r"[/?#]", address, maxsplit=1)[0].rpartition("@")[2]
    host = authority.partition(":")[0].strip(".").removeprefix("www.")
    return _ascii(host) if _HOST.fullmatch(host) else None


def _ascii(host: str) -> str | None:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
