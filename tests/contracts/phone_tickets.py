"""What every `IPhoneProvider` that speaks HTTP must do with tickets: send inside them, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from leadgen.domain.provider import IPhoneProvider, Miss, NotSent, Outcome
from tests.adapters.providers.scripted_server import ScriptedServer, Send, answer
from tests.contracts.phone_recall import ENOUGH_SECONDS, QUESTION, REFERENCE


class PhoneTicketContract:
    """Needs the fixtures of `PhoneProviderContract`."""

    @pytest.mark.parametrize(
        "looks", [[False], [True, False]], ids=["while connecting", "right before the first byte"]
    )
    async def test_a_ticket_that_runs_out(
        self, provider: IPhoneProvider, server: ScriptedServer, looks: Sequence[bool]
    ) -> None:
        """Not a byte is sent, and the next question is asked as if nothing had been."""
        server.script = [Send(answer(204, b""))]
        late = await _ask(provider, looks)
        assert isinstance(late, NotSent)
        assert late.late
        assert not server.requests
        assert isinstance(await _ask(provider, [True, True]), Miss)


async def _ask(provider: IPhoneProvider, looks: Sequence[bool]) -> Outcome:
    """What comes of a question whose ticket is looked at, each time with the next of these answers."""
    said = iter(looks)

    async def may_send() -> bool:
        return next(said)

    return await provider.ask(
        QUESTION, reference=REFERENCE, timeout_seconds=ENOUGH_SECONDS, may_send=may_send
    )
