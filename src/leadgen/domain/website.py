"""Company websites as bare hosts."""

from __future__ import annotations

import re

from leadgen.domain.text import fold

_HOST = re.compile(r"(?=.{4,253}$)([^\s./:@?#,;<>()\"\\]{1,63}\.)+[^\s./:@?#,;<>()\"\\\d]{2,63}")


def bare_host(text: str) -> str | None:
    """``example.com`` for ``https://www.example.com/about``; None for what holds no host name."""
    address = fold(text).partition("://")[2] or fold(text)
    authority = re.split(r"[/?#]", address, maxsplit=1)[0].rpartition("@")[2]
    host = authority.partition(":")[0].strip(".").removeprefix("www.")
    return host if _HOST.fullmatch(host) else None
