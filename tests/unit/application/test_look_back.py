"""Looking back over the ledger: the provider report and the backtest."""

from __future__ import annotations

import pytest

from leadgen.adapters.persistence.market_history import SqlMarketHistory
from leadgen.application.backtest_order import BacktestOrder
from leadgen.application.report_providers import ReportProviders
from leadgen.domain.backtest import LEADS_MIN
from leadgen.domain.market import ALL
from leadgen.domain.ordering import Order
from leadgen.domain.provider import Miss
from leadgen.domain.search_options import SearchOptions, Strategy
from tests.builders import ACCOUNT
from tests.unit.application.world import World, a_hit


async def test_report(world: World) -> None:
    """What was answered is counted by provider, with who else knew; what was not asked is not."""
    world.orion.will_answer(Miss(), a_hit())
    world.astra.will_answer(a_hit())
    for lead in await world.add_leads(2):
        await world.search(lead)
    found = await world.run(ReportProviders(history=SqlMarketHistory(world.database)).run(ACCOUNT))
    assert {name for name, segment in found if segment == ALL} == {"orion", "astra"}
    assert (found["orion", ALL].calls, found["orion", ALL].hits) == (2, 1)
    assert found["orion", ALL].cost_micros == 40_000
    assert found["astra", ALL].shared["orion"] == 1
    assert len({segment for _, segment in found}) == 2


async def test_backtest_by_a_panel(world: World) -> None:
    """A job whose panel is everybody tells what any order costs; other prices change it."""
    job = await world.add_job()
    leads = await world.add_leads(LEADS_MIN)
    async with world.database.write() as conn:
        await conn.exec_driver_sql("UPDATE jobs SET panel = 1.0")
        await conn.exec_driver_sql("UPDATE accounts SET tier = 'enterprise'")  # which has no quota
    around = await world.here.open_round.run(
        ACCOUNT, leads, job_id=job.id, since=world.clock.now(), panel=1.0
    )
    for lead in leads:
        for provider in world.providers.values():
            provider.will_answer(a_hit())
        await world.run(world.here.search.run(lead, around))
    use = BacktestOrder(history=SqlMarketHistory(world.database), catalog=world.catalog)
    as_paid = await world.run(use.run(ACCOUNT, Order.PRIORITY, {}))
    assert (as_paid.leads, as_paid.panel, as_paid.found) == (LEADS_MIN, LEADS_MIN, LEADS_MIN)
    assert as_paid.verdict.method == "panel"
    assert as_paid.verdict.cost_micros is not None
    assert as_paid.verdict.cost_micros.mean == 20_000
    for order in (Order.COST, Order.LEARNED):
        verdict = (await world.run(use.run(ACCOUNT, order, {"nimbus": 5_000}))).verdict
        assert verdict.cost_micros is not None
        assert verdict.cost_micros.mean < 20_000


async def test_backtest_of_strategies(world: World) -> None:
    """Who is slower than 19 of 20 of its answers is hedged; all at once is dearest, and fastest."""
    job = await world.add_job()
    leads = await world.add_leads(LEADS_MIN)
    async with world.database.write() as conn:
        await conn.exec_driver_sql("UPDATE jobs SET panel = 1.0")
        await conn.exec_driver_sql("UPDATE accounts SET tier = 'enterprise'")
    around = await world.here.open_round.run(
        ACCOUNT, leads, job_id=job.id, since=world.clock.now(), panel=1.0
    )
    for number, lead in enumerate(leads):
        world.orion.seconds, world.astra.seconds = (5.0 if number % 25 == 0 else 1.0), 0.5
        for provider in world.providers.values():
            provider.will_answer(a_hit())
        await world.run(world.here.search.run(lead, around))
    use = BacktestOrder(history=SqlMarketHistory(world.database), catalog=world.catalog)
    found = {}
    for strategy in Strategy:
        options = SearchOptions(strategy, grace_seconds=0.0)
        verdict = (await world.run(use.run(ACCOUNT, Order.PRIORITY, {}, options))).verdict
        assert verdict.cost_micros is not None
        assert verdict.seconds is not None
        found[strategy] = (verdict.cost_micros.mean, verdict.seconds.mean)
    expected = {
        Strategy.SEQUENTIAL: (20_000, (24 * 1.0 + 5.0) / 25),
        Strategy.HEDGED: (20_000 + 10_000 / 25, (24 * 1.0 + 1.0 + 0.5) / 25),
        Strategy.PARALLEL: (45_000, min(0.5, world.nimbus.seconds)),
    }
    for strategy, figures in expected.items():
        assert found[strategy] == pytest.approx(figures, abs=0.01), strategy


async def test_backtest_of_what_was_never_tried(world: World) -> None:
    """Without panel and without chance in the orders there is no verdict."""
    world.orion.will_answer(a_hit())
    await world.search(await world.add_lead())
    use = BacktestOrder(history=SqlMarketHistory(world.database), catalog=world.catalog)
    assert (await world.run(use.run(ACCOUNT, Order.COST, {}))).verdict.method is None
