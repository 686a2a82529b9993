"""The activity of a single lead: the whole waterfall at once."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError

from leadgen.application.fail_search import FailSearch
from leadgen.application.find_phone import FindPhone
from leadgen.domain.errors import NotConfigured
from leadgen.domain.money import usd
from leadgen.domain.search_options import read_options
from leadgen.workflows.failures import as_failures
from leadgen.workflows.find_phone.payloads import SearchInput, SearchReport
from leadgen.workflows.heartbeats import attempt

_OF_THE_ORDER = frozenset({"InvalidInput", "UnknownId"})
"""What is wrong with an order, and says nothing of the lead."""


class FindPhoneActivities:
    """Invokes ``FindPhone``."""

    def __init__(self, find_phone: FindPhone, fail_search: FailSearch) -> None:
        self._find_phone = find_phone
        self._fail_search = fail_search

    @activity.defn(name="search_lead")
    async def search_lead(self, order: SearchInput) -> SearchReport:
        """Searches as long as there is something to do within the next seconds; where that fails for good,
        the lead has failed.
        """
        try:
            return await self._search(order)
        except ApplicationError as failure:
            if failure.non_retryable and failure.type not in _OF_THE_ORDER:
                with as_failures():
                    await self._fail_search.run(order.account, order.lead_id, _reason(failure))
            raise

    async def _search(self, order: SearchInput) -> SearchReport:
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


def _reason(failure: ApplicationError) -> str:
    """Why the search failed, and what to do."""
    if failure.type == NotConfigured.__name__:
        return f"{failure.message}; then order the search again"
    return f"a fault of leadgen ({failure.message}): its log tells more; the search may be ordered again"
