"""E-mail addresses: their normal form, and whether their host belongs to a company."""

from __future__ import annotations

import functools
import re

from leadgen.domain.text import fold
from leadgen.domain.website import bare_host

_ADDRESS = re.compile(r"[^@\s,;<>()\"\\]{1,64}@(?=.{4,253}$)[^@\s.,;<>()\"\\/:]+(\.[^@\s.,;<>()\"\\/:]+)+")

# fmt: off
FREE_MAIL_HOSTS = frozenset((
    "126.com", "163.com", "alice.it", "aol.com", "arcor.de", "att.net", "bellsouth.net", "bigpond.com",
    "bk.ru", "bluewin.ch", "blueyonder.co.uk", "bol.com.br", "btinternet.com", "centrum.cz",
    "charter.net", "comcast.net", "cox.net", "duck.com", "earthlink.net", "email.com", "fastmail.com",
    "fastmail.fm", "foxmail.com", "free.fr", "freenet.de", "frontier.com", "gmail.com", "gmx.at",
    "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.be", "hotmail.co.uk",
    "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "hushmail.com", "icloud.com",
    "inbox.ru", "interia.pl", "juno.com", "laposte.net", "libero.it", "list.ru", "live.ca", "live.co.uk",
    "live.com", "live.de", "live.fr", "live.it", "live.nl", "mac.com", "mail.com", "mail.ru",
    "mailbox.org", "mailinator.com", "me.com", "msn.com", "naver.com", "ntlworld.com", "o2.pl",
    "onet.pl", "online.de", "optonline.net", "orange.fr", "outlook.com", "outlook.de", "outlook.es",
    "outlook.fr", "pm.me", "posteo.de", "proton.ch", "proton.me", "protonmail.ch", "protonmail.com",
    "qq.com", "rambler.ru", "rediffmail.com", "rocketmail.com", "rogers.com", "rr.com", "sbcglobal.net",
    "seznam.cz", "sfr.fr", "shaw.ca", "sina.com", "sky.com", "skynet.be", "t-online.de", "talktalk.net",
    "telenet.be", "terra.com.br", "tiscali.it", "tuta.com", "tutanota.com", "uol.com.br", "verizon.net",
    "virgilio.it", "virginmedia.com", "wanadoo.fr", "web.de", "wp.pl", "yahoo.ca", "yahoo.co.in",
    "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr",
    "yahoo.it", "yandex.com", "yandex.ru", "ymail.com", "ziggo.nl", "zoho.com",
))
# fmt: on
"""Hosts that hand out mailboxes to everybody: they say nothing about a person's company."""

_FREE_MAIL_FAMILY = re.compile(
    r"(yahoo|ymail|rocketmail|hotmail|outlook|live|msn|gmx|aol|googlemail|yandex|tutanota|zoho)"
    r"(\.com|\.co|\.net)?(\.[a-z]{2,3})?"
)


@functools.lru_cache(maxsize=4_096)  # a row's address is looked at several times
def normal_email(text: str) -> str | None:
    """The address in the form in which it identifies a person, or None for what is no address."""
    address = fold(text).removeprefix("mailto:")
    return address if _ADDRESS.fullmatch(address) else None


def company_host(address: str) -> str | None:
    """The mail host of a normal address as a bare host, unless it is a free-mail host."""
    host = bare_host(address.rpartition("@")[2])
    return None if host is None or host in FREE_MAIL_HOSTS or _FREE_MAIL_FAMILY.fullmatch(host) else host
