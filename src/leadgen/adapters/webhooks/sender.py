"""Webhooks over aiohttp, which connects to the very addresses that were checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from leadgen.application.ports.webhook_sender import IWebhookSender, Reply
from leadgen.domain.egress import Egress

TIMEOUT_SECONDS = 10.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": "leadgen-webhooks"}


class RefusedAddressError(OSError):
    """A host has an address to which nothing is sent."""


class CheckedResolver(AbstractResolver):
    """All addresses of a host, or none where one of them is refused: a name must not choose between them.

    What it returns is what the connection is made to, so that no second answer of the name server counts.
    """

    def __init__(self, egress: Egress, *, is_plain: bool, names: AbstractResolver) -> None:
        self._egress = egress
        self._is_plain = is_plain
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises RefusedAddressError."""
        found = await self._names.resolve(host, port, socket.AF_UNSPEC)
        for each in found:
            address = ipaddress.ip_address(each["host"])
            if refusal := self._egress.refusal_of(address, is_plain=self._is_plain):
                raise RefusedAddressError(refusal)
        return found

    async def close(self) -> None:
        """Closes what it asks."""
        await self._names.close()


class HttpWebhookSender(IWebhookSender):
    """One connection a try: no redirects, cookies, proxies of the environment, nor a look at the body."""

    def __init__(
        self,
        egress: Egress,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        names: AbstractResolver | None = None,
    ) -> None:
        self._egress = egress
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._names = names

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """See IWebhookSender."""
        if refusal := self._egress.refusal_of_url(url):
            return Reply(None, refusal)
        try:
            async with (
                self._session(is_plain=url.startswith("http://")) as session,
                session.post(
                    url, data=body, headers={**_HEADERS, **headers}, allow_redirects=False
                ) as response,
            ):
                return Reply(response.status, f"HTTP {response.status}")
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server does, the try has failed
            return Reply(None, _told(error))

    def _session(self, *, is_plain: bool) -> ClientSession:
        resolver = CheckedResolver(self._egress, is_plain=is_plain, names=self._names or ThreadedResolver())
        connector = TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
        )


def _told(error: Exception) -> str:
    """In words of our own: an error may quote the address or the answer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedAddressError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    kind = "no connection" if isinstance(error, OSError) else "no proper answer"
    return f"{kind} ({type(error).__name__})" if isinstance(error, ClientError | OSError) else kind
