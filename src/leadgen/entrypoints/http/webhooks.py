"""`/v1/webhooks`: who is told of what happens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from leadgen.domain.egress import URL_CHARACTERS_MAX
from leadgen.domain.errors import UnknownId
from leadgen.domain.webhook import Endpoint, EventType
from leadgen.entrypoints.http.access import WebhooksAdmin
from leadgen.entrypoints.http.requests import (
    Composed,
    Given,
    IdempotencyKey,
    JsonRoute,
    checked,
    once_with_secret,
)

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["Webhooks"])


class NewWebhook(Given):
    """A URL to be told; without events, of all."""

    url: Annotated[str, Field(min_length=1, max_length=URL_CHARACTERS_MAX)]
    events: Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))] | None = None


class WebhookDocument(BaseModel):
    """Who is told of what; ``disabled`` says why nothing is sent any more."""

    id: str
    url: str
    events: list[EventType]
    created_at: datetime
    disabled: str | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> WebhookDocument:
        """The document of an endpoint."""
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            events=sorted(endpoint.events),
            created_at=endpoint.created_at,
            disabled=endpoint.disabled_why,
        )


class NewWebhookDocument(WebhookDocument):
    """A webhook that was just made; ``secret`` is null where the request that made it is sent again."""

    secret: str | None


class WebhookPage(BaseModel):
    """All webhooks of the account, oldest first."""

    webhooks: list[WebhookDocument]


@router.get("/webhooks")
async def list_webhooks(key: WebhooksAdmin, leadgen: Composed) -> WebhookPage:
    """List who is told of what."""
    endpoints = await leadgen.webhooks.store.endpoints(key.account)
    return WebhookPage(webhooks=[WebhookDocument.of(each) for each in endpoints])


@router.post("/webhooks", status_code=201, response_model=NewWebhookDocument)
async def add_webhook(
    request: Request,
    key: WebhooksAdmin,
    leadgen: Composed,
    wanted: NewWebhook,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Tell a URL of events; its secret is shown this once."""

    async def make(subject: str | None) -> tuple[NewWebhookDocument, str]:
        endpoint = await leadgen.webhooks.add.run(
            key.account, wanted.url, wanted.events or (), endpoint_id=subject
        )
        return NewWebhookDocument(**WebhookDocument.of(endpoint).model_dump(), secret=None), endpoint.secret

    body = wanted.model_dump_json()
    return await once_with_secret(request, key, idempotency_key, body, make, field="secret")


@router.delete("/webhooks/{webhook_id}", status_code=204)
async def remove_webhook(key: WebhooksAdmin, leadgen: Composed, webhook_id: Annotated[str, Path()]) -> None:
    """Tell a URL of nothing any more; what is on its way to it is dropped."""
    if not await leadgen.webhooks.store.remove(key.account, checked("webhook", webhook_id)):
        raise UnknownId("webhook", webhook_id)
