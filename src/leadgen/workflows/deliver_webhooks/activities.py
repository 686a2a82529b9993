"""The activity of deliveries."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.send_webhooks import SendWebhooks
from leadgen.workflows.deliver_webhooks.payloads import SendInput, SendReport
from leadgen.workflows.failures import as_failures
from leadgen.workflows.heartbeats import faults_before, heartbeats


class DeliverWebhooksActivities:
    """Invokes ``SendWebhooks``."""

    def __init__(self, send_webhooks: SendWebhooks) -> None:
        self._send_webhooks = send_webhooks

    @activity.defn(name="send_webhooks")
    async def send_webhooks(self, order: SendInput) -> SendReport:
        """Tries once what is due."""
        faults = faults_before()
        with as_failures(faults + 1):
            async with heartbeats(faults) as progress:
                sent = await self._send_webhooks.run(order.endpoint_id, now=order.now, progress=progress)
        return SendReport(sent.delivered, sent.dead, sent.resume_at)
