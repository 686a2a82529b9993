"""The activity of deliveries."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.send_webhooks import SendWebhooks
from leadgen.workflows.deliver_webhooks.payloads import SendInput, SendReport
from leadgen.workflows.heartbeats import attempt


class DeliverWebhooksActivities:
    """Invokes ``SendWebhooks``."""

    def __init__(self, send_webhooks: SendWebhooks) -> None:
        self._send_webhooks = send_webhooks

    @activity.defn(name="send_webhooks")
    async def send_webhooks(self, order: SendInput) -> SendReport:
        """Tries once what is due."""
        async with attempt() as progress:
            sent = await self._send_webhooks.run(order.endpoint_id, now=order.now, progress=progress)
        return SendReport(sent.delivered, sent.dead, sent.resume_at)
