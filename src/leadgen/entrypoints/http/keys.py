"""`/v1/api-keys`: the keys of the account."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from leadgen.domain.api_key import NAME_CHARACTERS_MAX, Scope
from leadgen.entrypoints.http.access import KeysAdmin
from leadgen.entrypoints.http.documents import KeyDocument, KeyPage, NewKeyDocument
from leadgen.entrypoints.http.paging import Cursor, Limit, page_of, place_of
from leadgen.entrypoints.http.requests import (
    Composed,
    Given,
    IdempotencyKey,
    JsonRoute,
    checked,
    once_with_secret,
)

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["API keys"])


class NewKey(Given):
    """A key to be made; without scopes it gets those of the key that makes it."""

    name: Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)] = ""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = None
    expires_in_days: Annotated[int, Field(strict=True, ge=1, le=3_650)] | None = None


@router.get("/api-keys")
async def list_keys(key: KeysAdmin, leadgen: Composed, limit: Limit = 50, cursor: Cursor = "") -> KeyPage:
    """List the keys that are not revoked; nobody knows their secrets."""
    about = ("api-keys", key.account)
    keys = await leadgen.keys.store.page(key.account, after=place_of(cursor, *about), limit=limit + 1)
    shown, following = page_of(keys, limit, attrgetter("id"), *about)
    return KeyPage(keys=[KeyDocument.of(each) for each in shown], next=following)


@router.post("/api-keys", status_code=201, response_model=NewKeyDocument)
async def create_key(
    request: Request,
    key: KeysAdmin,
    leadgen: Composed,
    wanted: NewKey,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a key, with scopes that the caller's has; it is shown this once."""

    async def make(subject: str | None) -> tuple[NewKeyDocument, str]:
        now = leadgen.clock.now()
        days = wanted.expires_in_days
        new = await leadgen.keys.create.run(
            key.account,
            name=wanted.name,
            scopes=wanted.scopes,
            expires_at=None if days is None else now + timedelta(days=days),
            by=key,
            key_id=subject,
        )
        return NewKeyDocument(**KeyDocument.of(new.key).model_dump(), key=None), new.token

    body = wanted.model_dump_json()
    return await once_with_secret(request, key, idempotency_key, body, make, field="key")


@router.delete("/api-keys/{key_id}", status_code=204)
async def revoke_key(key: KeysAdmin, leadgen: Composed, key_id: Annotated[str, Path()]) -> None:
    """End a key for good; whoever uses it is refused within seconds. A key cannot delete itself."""
    await leadgen.keys.revoke.run(key.account, checked("key", key_id), by=key)
