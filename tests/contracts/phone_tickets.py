"""What every `IPhoneProvider` that speaks HTTP must do with tickets: send inside them, or not at all."""

from __future__ import annotations

import asyncio
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from leadgen.adapters.providers.http import Client
from leadgen.domain.provider import IPhoneProvider, Miss, NotSent
from tests.adapters.providers.scripted_server import ScriptedServer, Send, answer
from tests.contracts.phone_recall import ENOUGH_SECONDS, QUESTION, REFERENCE, SHORT_SECONDS

LONG_TURN_SECONDS = 0.5


class PhoneTicketContract(ABC):
    """A part of `PhoneProviderContract`, whose fixtures it uses."""

    @abstractmethod
    def build(self, client: Client, url: str) -> IPhoneProvider:
        """See PhoneProviderContract."""

    async def test_a_ticket_that_runs_out(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Not a byte is sent, and the next question is asked as if nothing had been."""
        server.script = [Send(answer(204, b""))]

        async def may_send() -> bool:
            return next(looks)

        looks = iter((False, True))
        late, second = [
            await provider.ask(
                QUESTION, reference=REFERENCE, timeout_seconds=ENOUGH_SECONDS, may_send=may_send
            )
            for _ in range(2)
        ]
        assert isinstance(late, NotSent)
        assert late.late
        assert isinstance(second, Miss)
        assert len(server.requests) == 1

    async def test_the_wait_for_a_ticket_is_not_the_provider_s(
        self, provider: IPhoneProvider, server: ScriptedServer
    ) -> None:
        """It may take longer than the provider has; then the provider has all of its time."""
        server.script = [Send(answer(204, b""))]

        async def may_send() -> bool:
            await asyncio.sleep(3 * SHORT_SECONDS)
            return True

        outcome = await provider.ask(
            QUESTION, reference=REFERENCE, timeout_seconds=SHORT_SECONDS, may_send=may_send
        )
        assert isinstance(outcome, Miss)

    async def test_nothing_lies_between_the_look_at_the_ticket_and_the_first_byte(
        self, client: Client
    ) -> None:
        """Not even a turn of the event loop, which may be a long one."""
        looked_at: list[float] = []

        async def may_send() -> bool:
            asyncio.get_running_loop().call_soon(time.sleep, LONG_TURN_SECONDS)
            looked_at.append(time.monotonic())
            return True

        with listener() as (url, first_byte_at):
            provider = self.build(client, url)
            outcome = await provider.ask(
                QUESTION, reference=REFERENCE, timeout_seconds=ENOUGH_SECONDS, may_send=may_send
            )
            assert isinstance(outcome, Miss)
            assert first_byte_at() - looked_at[0] < LONG_TURN_SECONDS


@contextmanager
def listener() -> Iterator[tuple[str, Callable[[], float]]]:
    """A server in a thread of its own, and what tells when it got the first byte of its one question."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as thread:
        listening.settimeout(ENOUGH_SECONDS)

        def serve() -> float:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(ENOUGH_SECONDS)
                connection.recv(1)
                came_at = time.monotonic()
                connection.recv(100_000)
                connection.sendall(answer(204, b""))
            return came_at

        served = thread.submit(serve)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", served.result
