"""Ways in which an answer can be wrong, or can say "none"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.adapters.providers.scripted_server import Close, Drip, Endless, Reset, Send, Stall, Step, answer

MISSES = ("null", "0", "0.0", '""', '" "', '"0"', '"null"', '"undefined"', '"None"', "NaN", "false")
WRONG_TYPES = (
    "[]",
    '["600123456"]',
    "{}",
    '{"value": 600123456}',
    "true",
    "600123456.5",
    "Infinity",
    "1e999",
)
NO_JSON_OBJECT = (
    b"",
    b"<html><body>502</body></html>",
    b"NaN",
    b"null",
    b"600123456",
    b"[]",
    b'[{"phone": "600123456"}]',
    b'"600123456"',
    b"\xff\xfe\xfd",
    b"[" * 200_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
)
RETRY_AFTER = (
    ("0", 0.05),
    ("0.01", 0.05),
    ("7", 7.0),
    (" 1.5 ", 1.5),
    ("1000000000", 3600.0),
    ("9" * 15, 3600.0),
    ("-1", None),
    ("", None),
    ("soon", None),
    ("nan", None),
    ("inf", None),
    ("1e3", None),
    ("7, 8", None),
    ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0.05),
    ("Wed, 21 Oct 2015 07:27:00 GMT", None),
    ("Fri, 21 Oct 2033 07:28:00 GMT", 3600.0),
    ("Wed, 99 Oct 2015 07:28:00 GMT", None),
)
ANSWERED_AT = "Wed, 21 Oct 2015 07:28:00 GMT"
CUT_SHORT = {"Content-Length": "4096"}

BROKEN_HTTP: Mapping[str, Sequence[Step]] = {
    "no http": [Send(b"no HTTP at all\r\n\r\n"), Close()],
    "endless headers": [
        Send(b"HTTP/1.1 200 Scripted\r\n"),
        Endless(b"X-Filler: " + b"x" * 1000 + b"\r\n"),
    ],
    "endless header": [Send(b"HTTP/1.1 200 Scripted\r\nX-Long: "), Endless(b"x" * 65536)],
    "upgrade": [Send(answer(101, headers={"Upgrade": "websocket", "Connection": "upgrade"}))],
    "close": [Close()],
    "reset": [Reset()],
    "close in the head": [Send(b"HTTP/1.1 200 Scri"), Close()],
    "reset in the body": [Send(answer(200, b'{"ph', CUT_SHORT)), Reset()],
    "close in the body": [Send(answer(200, b'{"ph', CUT_SHORT)), Close()],
}
TOO_SLOW: Mapping[str, Sequence[Step]] = {
    "silence": [Stall()],
    "slow head": [Drip(b"HTTP/1.1 200 Scripted\r\n")],
    "hint": [Send(b"HTTP/1.1 100 Continue\r\n\r\n"), Stall()],
    "slow body": [Send(b"HTTP/1.1 200 Scripted\r\n\r\n"), Drip(b'{"phone": "600123456"}')],
    "no body": [Send(b"HTTP/1.1 200 Scripted\r\n\r\n"), Stall()],
}
