"""What a worker runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from leadgen.workflows.deliver_webhooks.activities import DeliverWebhooksActivities
from leadgen.workflows.deliver_webhooks.workflow import DeliverWebhooksWorkflow
from leadgen.workflows.find_phone.activities import FindPhoneActivities
from leadgen.workflows.find_phone.workflow import FindPhoneWorkflow
from leadgen.workflows.find_phones.activities import FindPhonesActivities
from leadgen.workflows.find_phones.workflow import FindPhonesWorkflow
from leadgen.workflows.upkeep.activities import UpkeepActivities
from leadgen.workflows.upkeep.workflow import UpkeepWorkflow

WORKFLOWS: Sequence[type] = (
    DeliverWebhooksWorkflow,
    FindPhoneWorkflow,
    FindPhonesWorkflow,
    UpkeepWorkflow,
)


def activities(
    find_phone: FindPhoneActivities,
    find_phones: FindPhonesActivities,
    upkeep: UpkeepActivities,
    deliver_webhooks: DeliverWebhooksActivities,
) -> Sequence[Callable[..., Any]]:
    """All activities, bound to what they invoke; both queues serve them all, also for workflows of before."""
    return (
        find_phone.search_lead,
        find_phones.plan_job,
        find_phones.run_chunk,
        find_phones.look_at_job,
        find_phones.end_job,
        upkeep.mend_jobs,
        upkeep.settle_unknown,
        upkeep.start_deliveries,
        upkeep.prune_deliveries,
        deliver_webhooks.send_webhooks,
    )
