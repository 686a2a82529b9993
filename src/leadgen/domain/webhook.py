"""Webhooks: who is told what, how it is signed, and how long it is tried."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.value import value

_SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, and none itself
ROTATION = timedelta(hours=24)
"""For so long the secret of before signs beside the new one."""

_MINUTE, _HOUR = 60, 3_600
_RETRIES_SECONDS = (5, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR)
TRIES_MAX = 14
"""Five days: the last pause is repeated."""

_JITTER = 0.2

DELIVERED_KEPT = timedelta(days=30)
DEAD_KEPT = timedelta(days=90)
"""For so long after its event a delivery that arrived, and one that was given up, stays on record."""


class EventType(StrEnum):
    """What can be told."""

    JOB_FINISHED = "job.finished"
    LEAD_FOUND = "lead.found"


@value(frozen=True, slots=True)
class Endpoint:
    """A URL that is told of an account's events. ``disabled_why`` says why nothing is sent any more."""

    id: str
    account: str
    url: str
    events: frozenset[EventType]
    secret: str
    created_at: datetime
    previous_secret: str | None = None
    rotated_at: datetime | None = None
    disabled_why: str | None = None

    def secrets_at(self, now: datetime) -> Sequence[str]:
        """The secrets to sign with: after a rotation the one of before as well, for a day."""
        is_recent = self.rotated_at is not None and now < self.rotated_at + ROTATION
        return [self.secret, self.previous_secret] if self.previous_secret and is_recent else [self.secret]


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was tried for days, or its endpoint is gone; it can be replayed."""


@value(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint; ``data`` holds ids and counts only.

    ``answer`` is what came of the last try, in words of our own; ``next_at`` is None where it may be tried at
    once.
    """

    id: str
    endpoint_id: str
    event: EventType
    data: Mapping[str, object]
    created_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    answer: str | None = None
    next_at: datetime | None = None

    @property
    def body(self) -> bytes:
        """What is sent: the same bytes at every try."""
        document = {"type": self.event.value, "timestamp": self.created_at.isoformat(), "data": self.data}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    def headers(self, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
        """The signed headers of a try at ``now``; receivers refuse what is older than five minutes."""
        timestamp = int(now.timestamp())
        signatures = " ".join(sign(secret, self.id, timestamp, self.body) for secret in secrets)
        return {
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures,
        }


def delivery_id(endpoint_id: str, event: EventType, occasion: str) -> str:
    """The id of telling an endpoint of one event: the same event gives the same id, by which it is one."""
    digest = hashlib.sha256(f"{endpoint_id}\x1f{event.value}\x1f{occasion}".encode()).digest()
    return "msg_" + base64.b32encode(digest[:20]).decode().lower()


def pause_before(retry: int, key: str) -> timedelta | None:
    """How long to wait before this retry (1, 2, ...), give or take a tenth; None when it is tried no more.

    The spread follows from ``key``, so that deliveries which failed together do not come back together.
    """
    if retry >= TRIES_MAX:
        return None
    seconds = _RETRIES_SECONDS[min(retry, len(_RETRIES_SECONDS)) - 1]
    draw = int.from_bytes(hashlib.sha256(f"{key}\x1f{retry}".encode()).digest()[:4]) / 2**32
    return timedelta(seconds=seconds * (1 + _JITTER * (draw - 0.5)))


def secret_of(key: bytes) -> str:
    """A secret as receivers write it."""
    return _SECRET_PREFIX + base64.b64encode(key).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature, version 1, of a message sent at ``timestamp`` (seconds).

    https://github.com/standard-webhooks/standard-webhooks. Raises ValueError for what is no secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("no secret of a webhook") from None
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
