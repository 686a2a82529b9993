"""Answers before they are written: the true one, and everything that a fault makes of it."""

import gzip
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate

JSON = {"Content-Type": "application/json"}

_HTML = {"Content-Type": "text/html"}
_HTML_PAGE = b"<html><head><title>502</title></head><body><h1>Something went wrong</h1></body></html>"
_BIG_BODY_BYTES = 16 * 1024 * 1024
_BIG_HEADER_BYTES = 100 * 1024
_OTHER_NUMBER = "2015550100"
_DATE_SECONDS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, wholly known before its first byte is written."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    place: str = ""
    """Path and query of the call that it answers."""


Spoil = Callable[[Reply, int], Reply]
"""Makes something else of the true answer; the number is random and chooses among variants."""


def problem(status: int, error: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal or failure as all three providers write it."""
    return Reply(status, {**JSON, **(headers or {})}, json.dumps({"error": error}).encode())


def failure(status: int, error: str) -> Spoil:
    """A 5xx in place of the answer."""
    return lambda _reply, _style: problem(status, error)


def busy(retry_after: str | None) -> Spoil:
    """A 429 that says, well or badly, when to come back."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda _reply, _style: problem(429, "busy", headers)


def busy_until_date(_reply: Reply, _style: int) -> Reply:
    """A 429 that names the time to come back, in two seconds."""
    return problem(429, "busy", {"Retry-After": formatdate(time.time() + _DATE_SECONDS_AHEAD, usegmt=True)})


def garbage(reply: Reply, style: int) -> Reply:
    """A page of HTML, or the answer cut in the middle."""
    return html(reply, style) if style % 2 else truncated_json(reply, style)


def html(_reply: Reply, _style: int) -> Reply:
    """Somebody's error page with a 200."""
    return Reply(200, _HTML, _HTML_PAGE)


def truncated_json(reply: Reply, _style: int) -> Reply:
    """Half of the answer, as if that were all."""
    return replace(reply, body=reply.body[: max(1, len(reply.body) // 2)])


def wrong_schema(reply: Reply, style: int) -> Reply:
    """Well-formed JSON that is no answer: a list, or an object where the number should be."""
    answer = json.loads(reply.body)
    if style % 2 and answer:
        return _json(reply, {name: {"unexpected": [value]} for name, value in answer.items()})
    return _json(reply, [{"unexpected": answer}])


def nan(reply: Reply, _style: int) -> Reply:
    """NaN, which Python writes and reads although JSON has none."""
    return _json(reply, dict.fromkeys(json.loads(reply.body) or ("score",), math.nan))


def duplicate_keys(reply: Reply, _style: int) -> Reply:
    """Every key twice, with another value before the true one."""
    answer = json.loads(reply.body) or {"score": None}
    pairs = [(name, told) for name, value in answer.items() for told in (_OTHER_NUMBER, value)]
    text = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs)
    return replace(reply, body=f"{{{text}}}".encode())


def gzip_truncated(reply: Reply, _style: int) -> Reply:
    """A gzip stream that ends in the middle of its data."""
    packed = gzip.compress(reply.body, mtime=0)
    return Reply(reply.status, {**reply.headers, "Content-Encoding": "gzip"}, packed[: len(packed) // 2])


def big_body(reply: Reply, _style: int) -> Reply:
    """The true answer behind 16 MB of blanks."""
    return replace(reply, body=b" " * _BIG_BODY_BYTES + reply.body)


def big_header(reply: Reply, _style: int) -> Reply:
    """The true answer with one header of 100 KB."""
    return replace(reply, headers={**reply.headers, "X-Padding": "x" * _BIG_HEADER_BYTES})


def partial(reply: Reply, _style: int) -> Reply:
    """A 206 with the first half of the answer, which nobody asked for."""
    half = reply.body[: len(reply.body) // 2]
    content_range = f"bytes 0-{len(half) - 1}/{len(reply.body)}"
    return Reply(206, {**reply.headers, "Content-Range": content_range}, half)


def bare(status: int, body: bytes = b"") -> Spoil:
    """A 2xx without the answer."""
    return lambda _reply, _style: Reply(status, JSON, body)


def redirect(status: int, location: str | None) -> Spoil:
    """A way elsewhere, or with None to the very page that was asked."""
    return lambda reply, _style: Reply(
        status, {"Location": reply.place if location is None else location}, b""
    )


def _json(reply: Reply, body: Mapping[str, object] | Iterable[object]) -> Reply:
    return replace(reply, body=json.dumps(body).encode())
