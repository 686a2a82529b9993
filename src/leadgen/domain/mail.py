"""E-mail addresses: their normal form, and whether their host belongs to a company."""

from __future__ import annotations

import re

from leadgen.domain.text import fold

_ADDRESS = re.compile(r"[^@\s,;<>()\"\\]{1,64}@(?=.{4,253}$)[^@\s.,;<>()\"\\/:]+(\.[^@\s.,;<>()\"\\/:]+)+")

# fmt: off
FREE_MAIL_HOSTS = frozenset((
    "126.com", "163.com", "aol.com", "att.net", "bellsouth.net", "bigpond.com", "bluewin.ch",
    "bol.com.br", "btinternet.com", "charter.net", "comcast.net", "cox.net", "duck.com", "earthlink.net",
    "email.com", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr", "freenet.de", "gmail.com",
    "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.be",
    "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it",
    "hushmail.com", "icloud.com", "inbox.ru", "laposte.net", "libero.it", "list.ru", "live.ca",
    "live.co.uk", "live.com", "live.de", "live.fr", "live.it", "live.nl", "mac.com", "mail.com",
    "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com", "ntlworld.com", "orange.fr",
    "outlook.com", "outlook.de", "outlook.es", "outlook.fr", "pm.me", "posteo.de", "proton.me",
    "protonmail.ch", "protonmail.com", "qq.com", "rediffmail.com", "rocketmail.com", "sbcglobal.net",
    "seznam.cz", "sfr.fr", "sina.com", "sky.com", "skynet.be", "t-online.de", "talktalk.net",
    "telenet.be", "terra.com.br", "tiscali.it", "tuta.com", "tutanota.com", "uol.com.br", "verizon.net",
    "virgilio.it", "virginmedia.com", "wanadoo.fr", "web.de", "wp.pl", "yahoo.ca", "yahoo.co.in",
    "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr",
    "yahoo.it", "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
))
# fmt: on
"""Hosts that hand out mailboxes to everybody: they say nothing about a person's company."""


def normal_email(text: str) -> str | None:
    """The address in the form in which it identifies a person, or None for what is no address."""
    address = fold(text).removeprefix("mailto:")
    return address if _ADDRESS.fullmatch(address) else None


def company_host(address: str) -> str | None:
    """The mail host of a normal address, unless it is a free-mail host."""
    host = address.rpartition("@")[2]
    return None if host in FREE_MAIL_HOSTS else host
