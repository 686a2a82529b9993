"""What the providers share: one POST with a total deadline, whatever comes back read as an outcome."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import math
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
from aiohttp import ClientConnectionError, ClientPayloadError, NonHttpUrlClientError
from yarl import URL

from leadgen.adapters.providers.wire import CONNECTIONS_MAX, Address, Answer, Transport, Wire
from leadgen.domain.phone import EVIDENCE_CHARACTERS_MAX, PhoneNumber, read_phone
from leadgen.domain.provider import Fault, Hit, MaySend, Miss, NotSent, Outcome, Rejected, Unknown

BODY_BYTES_MAX = 1024 * 1024
"""Longer answers are not read, whether they come long or unpack to it."""

RETRY_AFTER_SECONDS_MIN = 0.05
RETRY_AFTER_SECONDS_MAX = 3600.0

Fields = Mapping[str, object]
"""The JSON object of an answer."""

_LOGGERS = ("httpx2", "aiohttp.client")
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
    "User-Agent": "leadgen",
}
_FAULTS = {
    401: Fault.ACCOUNT,
    402: Fault.ACCOUNT,
    403: Fault.ACCOUNT,
    408: Fault.BROKEN,
    409: Fault.BROKEN,  # the same question under the same key is still being answered
    429: Fault.BUSY,
}
_WHYS = {
    401: ", the key is not accepted",
    402: ", the wallet is empty",
    403: ", the key may not ask this",
}
_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class Client(httpx2.AsyncClient):
    """A client for all providers: no redirects, retries, cookies, proxies of the environment or log lines.

    It sets no time limits, each question has its own. The library logs whole URLs, of which one holds a
    key, so its loggers fall silent for the process.
    """

    def __init__(self, connections_max: int) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_drop)
        self.transport = Transport(_tls(), connections_max)
        self._addresses: dict[object, Address] = {}
        super().__init__(
            transport=self.transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,
        )

    def address(
        self, url: str, headers: Mapping[str, str] | None, parameters: Mapping[str, str] | None
    ) -> Address:
        """Where a provider's questions go, worked out once; raises ValueError for what cannot be written."""
        known = url, *(headers or {}).items(), None, *(parameters or {}).items()
        address = self._addresses.get(known)
        if address is None:
            address = self._addresses[known] = _address("POST", httpx2.URL(url), headers, parameters)
        return address


def new_client(*, connections_max: int = CONNECTIONS_MAX) -> Client:
    """A client; to be closed at the end."""
    return Client(connections_max)


async def post_json(
    client: Client,
    url: str,
    *,
    reference: str,
    body: Mapping[str, str | None],
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    timeout_seconds: float,
    may_send: MaySend,
    read: Callable[[Fields], Outcome],
) -> Outcome:
    """Sends one question at most once; ``read`` translates the JSON object of a 2xx.

    Connecting and answering take ``timeout_seconds`` each at most, waiting for the ticket counts as neither.
    Raises nothing but CancelledError. Details are words of our own: never a part of a body, a URL or a key.
    """
    limit = asyncio.timeout(timeout_seconds)

    async def gate() -> bool:
        limit.reschedule(None)  # while the question waits for its ticket, the provider owes nothing
        is_allowed = await may_send()
        limit.reschedule(asyncio.get_running_loop().time() + timeout_seconds)
        return is_allowed

    wire = Wire(client.transport.connector, gate)
    try:
        async with limit:
            address = client.address(url, headers, parameters)
            told = json.dumps(body).encode()
            head = f"Idempotency-Key: {reference}\r\nContent-Length: {len(told)}\r\n\r\n"
            return await wire.ask(address, head.encode() + told, lambda answer: _outcome(answer, read))
    except TimeoutError:
        late = f"{timeout_seconds:g} s"
        if not wire.used:
            return NotSent(f"no connection within {late}")
        return Unknown(f"timed out after {late}", is_timeout=True)
    except Exception as error:  # noqa: BLE001 - a hostile answer passes three libraries; no error may hide a charge
        if wire.ran_out:
            return NotSent("its ticket ran out", late=True)
        return Unknown(_why_in_doubt(error)) if wire.used else NotSent(_why_not_sent(error))


async def recall_json(
    client: Client,
    url: str,
    *,
    reference: str,
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    timeout_seconds: float,
    read: Callable[[Fields], Outcome],
) -> Outcome | None:
    """What came of an earlier question, under the provider's URL, ``/calls/`` and our reference.

    NotSent where the provider says that it never received it; None for everything that leaves it in doubt.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            asked = httpx2.URL(url)
            path = f"{asked.path.rstrip('/')}/calls/{reference}"
            address = _address("GET", asked.copy_with(path=path), headers, parameters)
            wire = Wire(client.transport.connector, _at_once)
            return await wire.ask(address, b"\r\n", lambda answer: _recalled(answer, read))
    except Exception:  # noqa: BLE001 - whatever goes wrong here, nothing more is known than before
        return None


async def _recalled(reply: Answer, read: Callable[[Fields], Outcome]) -> Outcome | None:
    if reply.status not in (200, 404):
        return None
    fields = _fields(await _body(reply))
    match reply.status, fields.get("status"), fields.get("answer"):
        case 404, "unknown", _:
            return NotSent("the provider never received it")
        case 200, "failed", _ if fields.get("charged") is not True:  # else only its report can tell
            return Rejected(Fault.BROKEN, "it failed at the provider")
        case 200, "answered", dict() as answer:
            outcome = read(answer)
            return None if isinstance(outcome, Unknown) else outcome
        case _:
            return None


async def accepts_connections(url: str, *, timeout_seconds: float) -> bool:
    """Whether the URL's host accepts connections, for https with a trusted certificate; sends no HTTP."""
    try:
        target = httpx2.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            return False
        tls = _tls() if target.scheme == "https" else None
        port = target.port or (443 if tls else 80)
        async with asyncio.timeout(timeout_seconds):
            _, writer = await asyncio.open_connection(target.raw_host.decode("ascii"), port, ssl=tls)
    except (httpx2.InvalidURL, OSError, OverflowError, ValueError):
        return False
    writer.transport.abort()
    return True


def read_number(value: object, given_country: object, lead_country: str | None) -> Hit | Miss | Unknown:
    """What a provider gave as a number; a JSON type that holds no number at all is no usable answer."""
    if not _may_be_number(value):
        return Unknown("number was of a wrong type")
    phone = read_phone(value, given_country, lead_country)
    if phone is None:
        return Miss()
    return Hit(phone if isinstance(phone, PhoneNumber) else None, _evidence(value))


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds behind ``Retry-After``, as seconds or as a date, within bounds; None for what is neither.

    A date is compared with the answer's own ``Date``, so that a wrong clock on either side does no harm.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        until = _date(text)
        if until is None:
            return None
        seconds = (until - (_date(headers.get("date", "")) or datetime.now(UTC))).total_seconds()
    if seconds < 0:
        return None
    return min(max(seconds, RETRY_AFTER_SECONDS_MIN), RETRY_AFTER_SECONDS_MAX)


class _UnusableAnswer(Exception):
    """An answer whose body cannot be taken; its text becomes the detail."""


async def _at_once() -> bool:
    return True


def _drop(_record: logging.LogRecord) -> bool:
    return False


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


def _address(
    method: str, url: httpx2.URL, headers: Mapping[str, str] | None, parameters: Mapping[str, str] | None
) -> Address:
    target = URL(str(url.copy_merge_params(dict(parameters or {}))))
    return Address.of(method, target, {**_HEADERS, **(headers or {})})


async def _outcome(answer: Answer, read: Callable[[Fields], Outcome]) -> Outcome:
    status = answer.status
    if status >= 300:
        return _rejected(status, answer.headers)
    try:
        body = await _body(answer)
        return Miss() if status == 204 else read(_fields(body))
    except _UnusableAnswer as unusable:
        return Unknown(str(unusable))


def _rejected(status: int, headers: Mapping[str, str]) -> Rejected:
    fault = _FAULTS.get(status, Fault.BROKEN if status >= 500 else Fault.QUESTION)
    pause = read_retry_after(headers) if fault in (Fault.BUSY, Fault.BROKEN) else None
    return Rejected(fault, f"HTTP {status}{_WHYS.get(status, '')}", pause)


async def _body(answer: Answer) -> bytes:
    """The body, unpacked here: the library takes a gzip that was cut short for a whole one."""
    body = await answer.content.readany()
    while not answer.content.at_eof():
        _check_length(body)
        body += await answer.content.readany()
    _check_length(body)
    packed = answer.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    return _unpacked(body) if packed and body else body


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error:
        raise _UnusableAnswer("answer was no valid gzip") from None
    _check_length(plain)
    if not unpacking.eof:
        raise _UnusableAnswer("answer was no valid gzip")
    return plain


def _check_length(body: bytes) -> None:
    if len(body) > BODY_BYTES_MAX:
        raise _UnusableAnswer("answer was longer than 1 MiB")


def _fields(body: bytes) -> Fields:
    try:
        value = _READER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):  # deep nesting ends at the interpreter's limit
        raise _UnusableAnswer("answer was no JSON") from None
    if not isinstance(value, dict):
        raise _UnusableAnswer("answer was no JSON object")
    return value


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object that names a field twice says two things, of which neither can be trusted."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError
    return fields


_READER = json.JSONDecoder(object_pairs_hook=_without_repeats)


def _may_be_number(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer() or math.isnan(value)
    return value is None or value is False or (isinstance(value, str | int) and value is not True)


def _evidence(value: object) -> str:
    """The number as given, cut, and without the characters that a database or a terminal trips over."""
    text = str(int(value) if isinstance(value, float) else value)[:EVIDENCE_CHARACTERS_MAX]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _why_not_sent(error: BaseException) -> str:
    if isinstance(error, httpx2.InvalidURL | NonHttpUrlClientError | ValueError):
        return "key or URL cannot be written into a request"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "host name was not found"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        cause = cause.__cause__ or cause.__context__
    return "could not connect"


def _why_in_doubt(error: BaseException) -> str:
    match error:
        case ClientPayloadError():
            return "sent, but its answer broke off"
        case ClientConnectionError():
            return "sent, but the connection was cut"
        case _:
            return f"sent, but no usable answer ({type(error).__name__})"
