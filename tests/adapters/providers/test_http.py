import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import uvloop

from leadgen.adapters.providers.http import (
    Client,
    Fields,
    new_client,
    post_json,
    read_retry_after,
    recall_json,
)
from leadgen.adapters.providers.nimbus_lookup import NimbusLookup
from leadgen.domain.lead import Question
from leadgen.domain.provider import MaySend, Miss, NotSent, Outcome, Unknown
from tests.adapters.providers.scripted_server import (
    Close,
    Reset,
    ScriptedServer,
    Send,
    Step,
    answer,
    scripted_server,
)
from tests.contracts.phone_provider import at_once
from tests.contracts.phone_recall import REFERENCE
from tests.contracts.phone_tickets import LONG_TURN_SECONDS, listener

NOBODY = Question(email="a@example.com", full_name=None, website=None, job_title="CTO", country=None)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """Answers with an empty object."""
    async with scripted_server() as server:
        server.script = [Send(answer(200, b"{}"))]
        yield server


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """The client of production."""
    async with new_client() as client:
        yield client


async def test_host_name_that_does_not_exist(client: Client) -> None:
    """Without an address nothing is sent."""
    outcome = await _post(client, "http://nowhere.invalid/")
    assert isinstance(outcome, NotSent)


@pytest.mark.parametrize("key", ["clé", "two\nlines", "nul\0"])
async def test_key_that_no_header_can_hold(client: Client, server: ScriptedServer, key: str) -> None:
    """A key that was pasted badly is reported without being told, and nothing counts as sent."""
    outcome = await _post(client, server.url, {"x-key": key})
    assert outcome == NotSent("key or URL cannot be written into a request")
    assert not server.requests


async def test_error_while_reading_an_answer(client: Client, server: ScriptedServer) -> None:
    """A mistake of our own after the question has left must not hide a charge."""

    def read(fields: Fields) -> Outcome:
        raise KeyError(fields)

    outcome = await post_json(
        client,
        server.url,
        reference=REFERENCE,
        body={},
        timeout_seconds=5.0,
        may_send=at_once,
        read=read,
    )
    assert outcome == Unknown("sent, but no usable answer (KeyError)")


async def test_error_while_reading_a_recalled_answer(client: Client, server: ScriptedServer) -> None:
    """A mistake of our own leaves the call as doubtful as it was."""

    def read(fields: Fields) -> Outcome:
        raise KeyError(fields)

    server.script = [Send(answer(200, b'{"status": "answered", "answer": {}}'))]
    recalled = await recall_json(client, server.url, reference=REFERENCE, timeout_seconds=5.0, read=read)
    assert recalled is None


async def test_what_the_library_would_send_again(client: Client, server: ScriptedServer) -> None:
    """It repeats a GET whose connection had been used before and is cut; nothing of ours goes out twice."""
    server.script = [Send(answer(404, b'{"status": "unknown"}'))]
    recalled = await recall_json(client, server.url, reference=REFERENCE, timeout_seconds=5.0, read=_miss)
    assert isinstance(recalled, NotSent)
    server.script = [Close()]
    assert await recall_json(client, server.url, reference=REFERENCE, timeout_seconds=5.0, read=_miss) is None
    assert len(server.requests) == 2


async def test_answer_that_nobody_has_asked_for(client: Client, server: ScriptedServer) -> None:
    """What comes over a connection before a question leaves is not taken for its answer."""
    server.on_connection = [Send(answer(200, b'{"phone": 1}'))]

    async def once_it_is_there() -> bool:
        await asyncio.sleep(0.1)
        return True

    assert isinstance(await _post(client, server.url, may_send=once_it_is_there), NotSent)
    assert not server.requests


def test_first_byte_with_uvloop() -> None:
    """A worker's event loop, too, writes at once and not at the end of its turn."""

    async def seconds() -> float:
        looked_at: list[float] = []

        async def may_send() -> bool:
            loop = asyncio.get_running_loop()
            its_time = loop.create_future()

            def wake() -> None:
                its_time.set_result(None)
                loop.call_soon(time.sleep, LONG_TURN_SECONDS)  # in the turn in which the question leaves

            loop.call_soon(wake)
            await its_time
            looked_at.append(time.monotonic())
            return True

        async with new_client() as client:
            with listener() as (url, first_byte_at):
                assert await _post(client, url, may_send=may_send) == Miss()
                return first_byte_at() - looked_at[0]

    assert uvloop.run(seconds()) < LONG_TURN_SECONDS


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ([Close()], "sent, but the connection was cut"),
        ([Reset()], "sent, but the connection was cut"),
        ([Send(b"HTTP/1.1 200 Scri"), Close()], "sent, but the connection was cut"),
        ([Send(answer(200, b"{", {"Content-Length": "9"})), Close()], "sent, but its answer broke off"),
        ([Send(answer(200, b"{", {"Content-Length": "9"})), Reset()], "sent, but its answer broke off"),
        ([Send(b"no HTTP at all\r\n\r\n"), Close()], "sent, but no usable answer"),
    ],
)
async def test_connection_that_is_cut_after_sending(
    client: Client, server: ScriptedServer, script: list[Step], detail: str
) -> None:
    """It is told as what it is, and not as the connect time-out that the library makes of it."""
    server.script = script
    outcome = await _post(client, server.url)
    assert isinstance(outcome, Unknown)
    assert outcome.detail.startswith(detail)


async def test_parameters_of_the_url_stay(client: Client, server: ScriptedServer) -> None:
    """A key in the query joins what the configured URL already holds, whatever its characters."""
    provider = NimbusLookup(client, url=f"{server.url}?plan=a%20b", api_key="a&b=c/ü")
    await provider.ask(NOBODY, reference=REFERENCE, timeout_seconds=5.0, may_send=at_once)
    assert server.requests[0].query == {"plan": ["a b"], "api": ["a&b=c/ü"]}


async def test_proxies_of_the_environment_are_not_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question goes to its provider and nowhere else."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    async with new_client() as client:
        assert await _post(client, server.url) == Miss()


async def test_loggers_fall_silent_once(client: Client) -> None:
    """Any number of clients leaves one filter."""
    async with new_client():
        assert len(logging.getLogger("httpx2").filters) == 1


def test_date_without_a_date_to_compare() -> None:
    """The time of day stands in for the answer's date."""
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    seconds = read_retry_after({"retry-after": until})
    assert seconds is not None
    assert 590 < seconds <= 600


def test_no_retry_after() -> None:
    """Nothing said is nothing known."""
    assert read_retry_after({}) is None


def _miss(_fields: Fields) -> Outcome:
    return Miss()


async def _post(
    client: Client, url: str, headers: dict[str, str] | None = None, may_send: MaySend = at_once
) -> Outcome:
    return await post_json(
        client,
        url,
        reference=REFERENCE,
        body={},
        headers=headers,
        timeout_seconds=5.0,
        may_send=may_send,
        read=_miss,
    )
