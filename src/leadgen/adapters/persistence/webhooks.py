"""Webhooks in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.seal import SETTING, Seal
from leadgen.adapters.persistence.tables import webhook_deliveries, webhook_endpoints
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.domain.errors import NotConfigured
from leadgen.domain.webhook import Delivery, DeliveryState, Endpoint, EventType

_endpoints, _deliveries = webhook_endpoints.c, webhook_deliveries.c
_IS_WAITING = _deliveries.state == DeliveryState.WAITING.value
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_ANEW: dict[str, Any] = {
    "state": DeliveryState.WAITING.value,
    "tries": 0,
    "answer": None,
    "next_at": None,
}


class SqlWebhookRepository(IWebhookRepository):
    """The tables of endpoints and deliveries; ``outbox`` is what this process writes into the latter.

    Secrets are stored under ``seal``.
    """

    def __init__(self, database: Database, outbox: Outbox, seal: Seal) -> None:
        self._database = database
        self._outbox = outbox
        self._seal = seal

    @uninterrupted
    async def add(self, endpoint: Endpoint) -> None:
        """See IWebhookRepository."""
        async with self._database.write() as conn:
            new = self._database.insert_or_replace(webhook_endpoints, "id")
            await conn.execute(new.values(self._columns(endpoint)))

    @uninterrupted
    async def store(self, endpoint: Endpoint) -> None:
        """See IWebhookRepository."""
        row = update(webhook_endpoints).where(_endpoints.id == endpoint.id).values(self._columns(endpoint))
        async with self._database.write() as conn:
            await conn.execute(row)

    @uninterrupted
    async def disable(self, endpoint_id: str, why: str) -> None:
        """See IWebhookRepository."""
        row = update(webhook_endpoints).where(_endpoints.id == endpoint_id).values(disabled_why=why)
        left = update(webhook_deliveries).where(_deliveries.endpoint_id == endpoint_id, _IS_WAITING)
        async with self._database.write() as conn:
            await conn.execute(row)
            await conn.execute(left.values(state=DeliveryState.DEAD.value, next_at=None))

    @uninterrupted
    async def remove(self, account: str, endpoint_id: str) -> bool:
        """See IWebhookRepository."""
        is_this = (_endpoints.id == endpoint_id) & (_endpoints.account_id == account)
        of_it = _deliveries.endpoint_id.in_(select(_endpoints.id).where(is_this))
        async with self._database.write() as conn:
            await conn.execute(select(_endpoints.id).where(is_this).with_for_update())
            await conn.execute(delete(webhook_deliveries).where(of_it))
            return bool((await conn.execute(delete(webhook_endpoints).where(is_this))).rowcount)

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """See IWebhookRepository."""
        async with self._database.read() as conn:
            found = await conn.execute(select(webhook_endpoints).where(_endpoints.id == endpoint_id))
            row = found.mappings().first()
        return self._endpoint_of(row) if row else None

    async def endpoints(self, account: str) -> Sequence[Endpoint]:
        """See IWebhookRepository."""
        of_account = select(webhook_endpoints).where(_endpoints.account_id == account)
        ordered = of_account.order_by(_endpoints.created_at, _endpoints.id)
        async with self._database.read() as conn:
            return [self._endpoint_of(row) for row in (await conn.execute(ordered)).mappings()]

    async def due(self, endpoint_id: str, now: datetime, *, limit: int) -> Sequence[Delivery]:
        """See IWebhookRepository."""
        waiting = select(webhook_deliveries).where(_deliveries.endpoint_id == endpoint_id, _IS_WAITING)
        due = waiting.where(or_(_deliveries.next_at.is_(None), _deliveries.next_at <= now))
        ordered = due.order_by(_deliveries.created_at, _deliveries.id).limit(limit)
        async with self._database.read() as conn:
            return [_delivery_of(row) for row in (await conn.execute(ordered)).mappings()]

    async def next_at(self, endpoint_id: str) -> datetime | None:
        """See IWebhookRepository."""
        next_ = select(func.count(), func.count(_deliveries.next_at), func.min(_deliveries.next_at)).where(
            _deliveries.endpoint_id == endpoint_id, _IS_WAITING
        )
        async with self._database.read() as conn:
            waiting, later, first = (await conn.execute(next_)).one()
        if not waiting:
            return None
        return first if waiting == later else _LONG_AGO

    @uninterrupted
    async def record(self, delivery: Delivery) -> None:
        """See IWebhookRepository."""
        is_same = (_deliveries.id == delivery.id) & (_deliveries.tries == delivery.tries - 1) & _IS_WAITING
        tried = update(webhook_deliveries).where(is_same)
        async with self._database.write() as conn:
            await conn.execute(
                tried.values(
                    state=delivery.state.value,
                    tries=delivery.tries,
                    answer=delivery.answer,
                    next_at=delivery.next_at,
                )
            )

    async def endpoints_due(self, now: datetime) -> Sequence[str]:
        """See IWebhookRepository."""
        due = or_(_deliveries.next_at.is_(None), _deliveries.next_at <= now)
        enabled = select(_endpoints.id).where(_endpoints.disabled_why.is_(None))
        waiting = select(_deliveries.endpoint_id).where(
            _IS_WAITING, due, _deliveries.endpoint_id.in_(enabled)
        )
        async with self._database.read() as conn:
            return list((await conn.execute(waiting.distinct().order_by(_deliveries.endpoint_id))).scalars())

    async def deliveries(self, account: str, *, failed: bool, limit: int) -> Sequence[Delivery]:
        """See IWebhookRepository."""
        of_account = (
            select(webhook_deliveries)
            .join(webhook_endpoints, _endpoints.id == _deliveries.endpoint_id)
            .where(_endpoints.account_id == account)
        )
        if failed:
            of_account = of_account.where(_deliveries.state == DeliveryState.DEAD.value)
        newest = of_account.order_by(_deliveries.created_at.desc(), _deliveries.id).limit(limit)
        async with self._database.read() as conn:
            return [_delivery_of(row) for row in (await conn.execute(newest)).mappings()]

    @uninterrupted
    async def replay(self, account: str, id_: str) -> Sequence[str]:
        """See IWebhookRepository."""
        is_open = (_endpoints.account_id == account) & _endpoints.disabled_why.is_(None)
        dead = (_deliveries.endpoint_id == id_) & (_deliveries.state == DeliveryState.DEAD.value)
        anew = (
            update(webhook_deliveries)
            .where(or_(_deliveries.id == id_, dead))
            .where(_deliveries.endpoint_id.in_(select(_endpoints.id).where(is_open)))
            .values(_ANEW)
            .returning(_deliveries.endpoint_id)
        )
        async with self._database.write() as conn:
            return list((await conn.execute(anew)).scalars())

    @uninterrupted
    async def prune(self, *, delivered_before: datetime, dead_before: datetime, limit: int) -> int:
        """See IWebhookRepository."""
        limits = {DeliveryState.DELIVERED: delivered_before, DeliveryState.DEAD: dead_before}
        removed = 0
        async with self._database.write() as conn:
            for state, before in limits.items():
                is_old = (_deliveries.state == state.value) & (_deliveries.created_at < before)
                some = select(_deliveries.id).where(is_old).limit(limit - removed)
                gone = delete(webhook_deliveries).where(is_old, _deliveries.id.in_(some))
                removed += (await conn.execute(gone)).rowcount
        return removed

    async def written(self) -> None:
        """See IWebhookRepository."""
        await self._outbox.written()

    @uninterrupted
    async def reseal(self) -> int:
        """See IWebhookRepository."""
        if not self._seal.has_key:
            raise NotConfigured(f"there is no key to encrypt with: set {SETTING}")
        async with self._database.write() as conn:
            rows = (await conn.execute(select(webhook_endpoints).with_for_update())).mappings().all()
            for row in rows:
                endpoint = self._endpoint_of(row)
                of_it = update(webhook_endpoints).where(_endpoints.id == endpoint.id)
                await conn.execute(of_it.values(self._secrets(endpoint)))
        return len(rows)

    def _columns(self, endpoint: Endpoint) -> dict[str, Any]:
        return {
            "id": endpoint.id,
            "account_id": endpoint.account,
            "url": endpoint.url,
            "events": sorted(event.value for event in endpoint.events),
            **self._secrets(endpoint),
            "rotated_at": endpoint.rotated_at,
            "created_at": endpoint.created_at,
            "disabled_why": endpoint.disabled_why,
        }

    def _secrets(self, endpoint: Endpoint) -> dict[str, str | None]:
        previous = endpoint.previous_secret
        return {
            "secret": self._seal.close(endpoint.secret),
            "previous_secret": None if previous is None else self._seal.close(previous),
        }

    def _endpoint_of(self, row: Row) -> Endpoint:
        previous = row["previous_secret"]
        return Endpoint(
            id=row["id"],
            account=row["account_id"],
            url=row["url"],
            events=frozenset(map(EventType, row["events"])),
            secret=self._seal.open(row["secret"]),
            created_at=row["created_at"],
            previous_secret=None if previous is None else self._seal.open(previous),
            rotated_at=row["rotated_at"],
            disabled_why=row["disabled_why"],
        )


def _delivery_of(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint_id=row["endpoint_id"],
        event=EventType(row["event"]),
        data=row["data"],
        created_at=row["created_at"],
        state=DeliveryState(row["state"]),
        tries=row["tries"],
        answer=row["answer"],
        next_at=row["next_at"],
    )
