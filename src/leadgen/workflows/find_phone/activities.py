"""The activity of a single lead: the whole waterfall at once."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.find_phone import FindPhone
from leadgen.domain.money import usd
from leadgen.domain.search_options import read_options
from leadgen.workflows.find_phone.payloads import SearchInput, SearchReport
from leadgen.workflows.heartbeats import attempt


class FindPhoneActivities:
    """Invokes ``FindPhone``."""

    def __init__(self, find_phone: FindPhone) -> None:
        self._find_phone = find_phone

    @activity.defn(name="search_lead")
    async def search_lead(self, order: SearchInput) -> SearchReport:
        """Searches as long as there is something to do within the next seconds."""
        async with attempt():
            options = read_options(
                strategy=order.strategy,
                hedge_after=order.hedge_after,
                grace=order.grace,
                line=order.line,
                max_price=order.max_price_usd,
                fresh=order.fresh,
            )
            finding = await self._find_phone.run(
                order.account, order.lead_id, since=order.since, options=options
            )
        return SearchReport(
            status=finding.status.value if finding.status else None,
            provider=finding.provider,
            cost_usd=usd(finding.cost_micros),
            resume_at=finding.resume_at,
        )
