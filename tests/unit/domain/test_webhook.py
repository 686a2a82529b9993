"""Webhooks are signed as their receivers expect, and tried for days."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from leadgen.domain.webhook import (
    ROTATION,
    TRIES_MAX,
    Delivery,
    Endpoint,
    EventType,
    delivery_id,
    pause_before,
    secret_of,
    sign,
)

OLD, NEW = secret_of(b"o" * 32), secret_of(b"n" * 32)
NOW = datetime.now(UTC)


def delivery(**data: object) -> Delivery:
    """A job that has ended."""
    return Delivery("msg_1", "hook-1", EventType.JOB_FINISHED, data or {"job_id": "job-1"}, NOW)


def endpoint(*, rotated_at: datetime | None = None) -> Endpoint:
    """One that is told of everything, with the old secret kept."""
    return Endpoint(
        "hook-1",
        "acme",
        "https://lovelace.example/hook",
        frozenset(EventType),
        NEW,
        NOW,
        previous_secret=OLD,
        rotated_at=rotated_at,
    )


def test_a_receiver_s_library_takes_it() -> None:
    """The library of Standard Webhooks verifies what was signed here, and reads the same event."""
    told = delivery(job_id="job-1", leads=3)
    received = Webhook(NEW).verify(told.body, dict(told.headers([NEW], datetime.now(UTC))))
    assert received == {
        "type": "job.finished",
        "timestamp": NOW.isoformat(),
        "data": {"job_id": "job-1", "leads": 3},
    }


def test_the_same_signature() -> None:
    """Our signature is the library's, byte for byte, whatever the body."""
    for body in (b"", b"{}", "é ✓".encode()):
        theirs = Webhook(OLD).sign("msg_1", NOW, body.decode())
        assert sign(OLD, "msg_1", int(NOW.timestamp()), body) == theirs


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_changed_message(changed: str) -> None:
    """Whatever is changed on the way, the receiver notices."""
    told = delivery()
    headers, body = dict(told.headers([NEW], NOW)), told.body
    if changed == "body":
        body = body.replace(b"job-1", b"job-2")
    elif changed == "webhook-signature":
        headers[changed] = sign(OLD, told.id, int(NOW.timestamp()), body)
    else:
        headers[changed] = {"webhook-id": "msg_2", "webhook-timestamp": str(int(NOW.timestamp()) + 1)}[
            changed
        ]
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body, headers)


def test_rotation() -> None:
    """For a day after a rotation both secrets sign, and receivers with either take it; then the new one."""
    rotated = endpoint(rotated_at=NOW)
    told = delivery()
    headers = dict(told.headers(rotated.secrets_at(NOW), datetime.now(UTC)))  # the library looks at the time
    for secret in (OLD, NEW):
        Webhook(secret).verify(told.body, headers)
    assert rotated.secrets_at(NOW + ROTATION - timedelta(seconds=1)) == [NEW, OLD]
    assert rotated.secrets_at(NOW + ROTATION) == [NEW]
    assert endpoint().secrets_at(NOW) == [NEW]


def test_no_secret() -> None:
    """What is no secret signs nothing, and the error does not quote it."""
    with pytest.raises(ValueError, match="no secret") as caught:
        sign("whsec_not base64", "msg_1", 0, b"")
    assert "not base64" not in str(caught.value)


def test_secrets() -> None:
    """A secret is its key in base64 behind the usual prefix."""
    assert base64.b64decode(OLD.removeprefix("whsec_")) == b"o" * 32


def test_the_body_stays() -> None:
    """The same bytes at every try, in whatever order a database keeps the fields."""
    assert delivery(a=1, b=2).body == delivery(b=2, a=1).body
    assert json.loads(delivery(a=1).body)["data"] == {"a": 1}


def test_ids() -> None:
    """An event has one id per endpoint, and fits its column; other events have others."""
    ids = {
        delivery_id(hook, event, occasion)
        for hook in ("hook-1", "hook-2")
        for event in EventType
        for occasion in ("lead-1", "lead-2")
    }
    assert len(ids) == 8
    assert {len(each) for each in ids} == {36}
    assert delivery_id("hook-1", EventType.LEAD_FOUND, "lead-1") in ids


def test_pauses() -> None:
    """Seconds, then minutes, then hours, give or take a tenth; after five days it is given up."""
    pauses = [pause_before(retry, "msg_1") for retry in range(1, TRIES_MAX + 1)]
    hours = 3_600
    wanted = [5, 300, 1_800, 2 * hours, 5 * hours, 10 * hours, *[14 * hours] * 7]
    for pause, seconds in zip(pauses, wanted, strict=False):
        assert pause is not None
        assert 0.9 * seconds <= pause.total_seconds() <= 1.1 * seconds
    assert pauses[len(wanted) :] == [None]
    total = sum((pause for pause in pauses if pause), timedelta())
    assert timedelta(days=4) < total < timedelta(days=6)


def test_spread() -> None:
    """Deliveries that failed together do not come back together; the same one waits the same time."""
    pauses = {pause_before(2, f"msg_{number}") for number in range(50)}
    assert len(pauses) == 50
    assert pause_before(2, "msg_7") in pauses
