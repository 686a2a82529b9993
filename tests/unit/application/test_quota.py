"""The quota of an account's tier, in the search for a lead."""

from sqlalchemy import update

from leadgen.adapters.persistence.tables import accounts
from leadgen.application.show_usage import ShowUsage
from leadgen.domain.budget import LOOKUP_MICROS, Span
from leadgen.domain.job import JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.provider import Miss
from leadgen.domain.tier import Tier
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT
from tests.unit.application.world import World


async def set_tier(world: World, tier: Tier) -> None:
    """Gives the account another tier."""
    async with world.database.write() as conn:
        await conn.execute(update(accounts).where(accounts.c.id == ACCOUNT).values(tier=tier.value))


async def quota_of(world: World) -> int | None:
    """How many lookups the account gets, as its budgets tell."""
    caps = [each.cap_micros for each in await world.budgets.all_of(ACCOUNT) if each.span is Span.MONTH]
    return caps[0] // LOOKUP_MICROS if caps else None


async def test_used_up(world: World) -> None:
    """The lead is incomplete, never "not found", and whoever could not be asked is named with the reason."""
    await set_tier(world, Tier.FREE)
    lead = await world.add_lead()
    await world.add_job()
    await world.budgets.cap(Span.MONTH, ACCOUNT, LOOKUP_MICROS)
    world.orion.will_answer(Miss())
    around = await world.here.open_round.run(ACCOUNT, [lead], job_id="job-1", since=world.clock.now())
    await world.budgets.cap(Span.MONTH, ACCOUNT, LOOKUP_MICROS)  # the round has set that of the tier

    result = await world.run(world.here.search.run(lead, around))

    assert isinstance(result, Verdict)
    assert result.state is EndState.INCOMPLETE
    assert {(each.provider, each.reason) for each in result.unasked} == {
        ("astra", "quota: the month's lookups are used up"),
        ("nimbus", "quota: the month's lookups are used up"),
    }
    assert [len(provider.asked) for provider in world.providers.values()] == [1, 0, 0]


async def test_the_tier_decides(world: World) -> None:
    """Every round brings the quota into line with the tier, upwards, downwards and away."""
    lead = await world.add_lead()
    for tier, quota in ((Tier.FREE, 100), (Tier.PRO, 1_000), (Tier.FREE, 100), (Tier.ENTERPRISE, None)):
        await set_tier(world, tier)
        around = await world.here.open_round.run(ACCOUNT, [lead], job_id=None, since=world.clock.now())
        assert await quota_of(world) == quota
        assert any(each.span is Span.MONTH for each in around.budgets) == (quota is not None)


async def test_usage(world: World) -> None:
    """The usage of a month tells the quota, and what each provider's lookups add up to."""
    usage = ShowUsage(
        accounts=world.accounts, budgets=world.budgets, books=world.here.books, clock=world.clock
    )
    await set_tier(world, Tier.FREE)
    lead = await world.add_lead()
    world.orion.will_answer(Miss())
    world.astra.will_answer(Miss())
    world.nimbus.will_answer(Miss())
    await world.search(lead)

    month = await usage.run(ACCOUNT)
    before = await usage.run(ACCOUNT, month.month.replace(year=2025))

    assert (month.quota, month.used) == (100, 3)
    assert {name: totals.lookups for name, totals in month.providers.items()} == {
        "orion": 1, "astra": 1, "nimbus": 1,
    }  # fmt: skip
    assert before.providers == {}


async def test_a_job_whose_quota_is_used_up(world: World) -> None:
    """It can be continued when there are lookups again."""
    await set_tier(world, Tier.FREE)
    lead = await world.add_lead()
    job = await world.add_job()
    around = await world.here.open_round.run(ACCOUNT, [lead], job_id=job.id, since=job.created_at)
    await world.budgets.cap(Span.MONTH, ACCOUNT, 0)
    result = await world.run(world.here.search.run(lead, around))
    assert isinstance(result, Verdict)
    assert result.is_over_budget
    await world.jobs.end(job.id, JobStatus.DONE)
