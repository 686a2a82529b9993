"""Track records are read off the ledger, on both databases."""

from datetime import timedelta

import pytest

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.track_records import SqlTrackRecords
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.provider import Charges, Fault, Hit, Miss, Outcome, Rejected, Unknown
from leadgen.domain.track_record import ANSWERS_MIN, NUMBERS_MIN, PastAnswer, TrackRecord
from tests import builders
from tests.adapters.conftest import stores_on
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock

LANDLINE = Hit(builders.us_phone(1, line=LineType.LANDLINE), "1")
MOBILE = Hit(builders.us_phone(2, line=LineType.MOBILE), "2")


async def ask(ledger: SqlLookupLedger, number: int, outcome: Outcome, took_seconds: float) -> None:
    """Books an answer; a later number is a later question."""
    at = builders.NOW + timedelta(seconds=number)
    lookup = builders.lookup(n=number, lead_id="lead-000", created_at=at)
    await ledger.intend(lookup)
    await ledger.close(lookup.closed(outcome, Charges.REQUEST, at, took_seconds=took_seconds), None)


async def test_last_answers(database: Database) -> None:
    """Newest first: hits with the type of their number, and misses; failures tell nothing."""
    clock = FakeClock()
    await add_leads(stores_on(database, clock), 1)
    ledger = SqlLookupLedger(database)
    failures: list[Outcome] = [Rejected(Fault.BUSY, "429"), Unknown("lost")]
    outcomes: list[Outcome] = [MOBILE, LANDLINE, Hit(None, "12"), Miss(), *failures]
    for number, outcome in enumerate(outcomes):
        await ask(ledger, number, outcome, 0.25 * (number + 1))
    records = await SqlTrackRecords(database, clock).of(["orion", "astra"])
    assert list(records["orion"].answers) == [
        PastAnswer(1.0, None),
        PastAnswer(0.75, None),
        PastAnswer(0.5, LineType.LANDLINE),
        PastAnswer(0.25, LineType.MOBILE),
    ]
    assert list(records["astra"].answers) == []


async def test_read_once_a_minute(database: Database) -> None:
    """However many searches begin meanwhile."""
    clock = FakeClock()
    await add_leads(stores_on(database, clock), 1)
    ledger = SqlLookupLedger(database)
    records = SqlTrackRecords(database, clock)
    assert len((await records.of(["orion"]))["orion"].answers) == 0
    await ask(ledger, 0, Miss(), 1.0)
    await clock.advance(59)
    assert len((await records.of(["orion"]))["orion"].answers) == 0
    await clock.advance(2)
    assert len((await records.of(["orion"]))["orion"].answers) == 1


def test_p95_is_the_nearest_rank() -> None:
    """Of a hundred answers the 95th; nothing is said before there are fifty."""
    answers = [PastAnswer(float(seconds), None) for seconds in range(1, 101)]
    assert TrackRecord(answers).p95_seconds == 95.0
    assert TrackRecord(answers[:ANSWERS_MIN]).p95_seconds == 48.0
    assert TrackRecord(answers[: ANSWERS_MIN - 1]).p95_seconds is None
    assert TrackRecord([PastAnswer(None, None)] * 100).p95_seconds is None


@pytest.mark.parametrize(("line", "share"), [(WantedLine.ANY, 1.0), (WantedLine.MOBILE, 0.4)])
def test_share_of_a_line(line: WantedLine, share: float) -> None:
    """It is that of the numbers, whoever else missed; of few numbers nothing is said."""
    lines = [LineType.MOBILE] * 20 + [LineType.LANDLINE] * 30 + [None] * 50
    answers = [PastAnswer(1.0, each) for each in lines]
    assert TrackRecord(answers).share_of(line) == share
    assert TrackRecord(answers[: NUMBERS_MIN - 1]).share_of(line) is None
