"""`/v1/providers`: what is configured of them, for all accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, StrictBool

from leadgen.domain.errors import UnknownId
from leadgen.domain.provider import Charges, OnUnknown
from leadgen.domain.tier import Tier
from leadgen.entrypoints.cli.provider_keys import changed
from leadgen.entrypoints.http.access import ProvidersReader, ProvidersWriter
from leadgen.entrypoints.http.documents import ProviderDocument, ProviderList
from leadgen.entrypoints.http.requests import Composed, Given, JsonRoute, as_amount

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["providers"])


class ProviderChange(Given):
    """What is to be changed, in the keys of `leadgen providers set`."""

    rate: Annotated[str, Field(max_length=200, description="Such as 5/1s,100/1h.")] | None = None
    concurrency: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    price: Annotated[float, Field(strict=True, ge=0, le=1_000, allow_inf_nan=False)] | None = None
    charges: Charges | None = None
    priority: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    enabled: StrictBool | None = None
    tier: Tier | None = None
    timeout: Annotated[str, Field(max_length=20, description="Such as 10s.")] | None = None
    unknown: OnUnknown | None = None


@router.get("/providers")
async def list_providers(_key: ProvidersReader, leadgen: Composed) -> ProviderList:
    """List the providers in the order in which they are asked."""
    health = await leadgen.check_providers.run(reach=False)
    return ProviderList(providers=[ProviderDocument.of(each) for each in health])


@router.patch("/providers/{name}")
async def change_provider(
    _key: ProvidersWriter, leadgen: Composed, name: Annotated[str, Path()], change: ProviderChange
) -> ProviderDocument:
    """Change a provider; running workers follow within a second."""
    health = await leadgen.check_providers.run(reach=False)
    found = next((each for each in health if each.config.name == name), None)
    if found is None:
        raise UnknownId("provider", name)
    given = change.model_dump(mode="json", exclude_none=True)
    config = changed(found.config, [f"{key}={_as_text(value)}" for key, value in given.items()])
    await leadgen.catalog.save(config)
    return ProviderDocument.of(found, config)


def _as_text(value: object) -> str:
    """A value as `leadgen providers set` takes it; prices to the micro-dollar."""
    if isinstance(value, bool):
        return str(value).lower()
    return as_amount(value) if isinstance(value, float) else str(value)
