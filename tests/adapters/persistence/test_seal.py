"""Secrets of webhooks at rest, on SQLite and PostgreSQL: encrypted, rotated, clear ones read."""

from __future__ import annotations

import base64
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.seal import Seal, make_key
from leadgen.adapters.persistence.tables import webhook_endpoints
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.domain.errors import InvalidSetting, NotConfigured
from leadgen.domain.webhook import Endpoint, EventType
from tests.builders import ACCOUNT, NOW

OLD, NEW = (base64.b64encode(letter * 32).decode() for letter in (b"\xfb", b"\xfe"))
"""As `openssl rand -base64 32` prints them: in the usual alphabet, not in that of URLs."""

HOOK = Endpoint(
    "hook-1",
    ACCOUNT,
    "https://lovelace.example/1",
    frozenset(EventType),
    "whsec_AAAA",
    NOW,
    "whsec_BBBB",
    NOW,
)


def store(database: Database, *keys: str) -> SqlWebhookRepository:
    """The store of a process that has these keys."""
    return SqlWebhookRepository(database, Outbox(database), Seal(keys))


async def stored(database: Database) -> list[str]:
    """The secrets as they stand in the table."""
    columns = select(webhook_endpoints.c.secret, webhook_endpoints.c.previous_secret)
    async with database.read() as conn:
        return [text for row in await conn.execute(columns) for text in row if text]


async def test_encrypted(database: Database) -> None:
    """With a key neither secret stands in the table; who has it reads both, and others are told of it."""
    await store(database, NEW).add(HOOK)
    assert len(await stored(database)) == 2
    assert "whsec" not in "".join(await stored(database))
    assert await store(database, NEW).endpoint("hook-1") == HOOK
    for keys in ((), (OLD,)):
        with pytest.raises(NotConfigured, match="LEADGEN_SECRETS_KEY"):
            await store(database, *keys).endpoint("hook-1")


async def test_rotation(database: Database) -> None:
    """A new key before the old one reads both; once all is sealed anew, the old one may go."""
    await store(database, OLD).add(HOOK)
    before = await stored(database)
    both = store(database, NEW, OLD)
    assert await both.endpoint("hook-1") == HOOK
    assert await both.reseal() == 1
    assert not set(before) & set(await stored(database))
    assert await store(database, NEW).endpoint("hook-1") == HOOK


async def test_what_was_clear(database: Database) -> None:
    """What was stored before there was a key is read as it is, and encrypted when it is sealed or changed."""
    await store(database).add(HOOK)
    assert await stored(database) == ["whsec_AAAA", "whsec_BBBB"]
    with pytest.raises(NotConfigured):
        await store(database).reseal()
    keyed = store(database, NEW)
    assert list(await keyed.endpoints(ACCOUNT)) == [HOOK]
    await keyed.store(replace(HOOK, previous_secret=None))
    assert all(text.startswith("fernet:") for text in await stored(database))


@pytest.mark.parametrize("key", ["short", "ä" * 44, NEW[:-4]])
def test_no_key(key: str) -> None:
    """What is no key is refused at once, and is not repeated."""
    with pytest.raises(InvalidSetting) as told:
        Seal([key])
    assert key not in str(told.value)


def test_key_of_a_laptop(tmp_path: Path) -> None:
    """A key is made once, in a file for its owner alone."""
    file = tmp_path / "new" / "secrets.key"
    make_key(file)
    first = file.read_text("ascii")
    make_key(file)
    assert file.read_text("ascii") == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    seal = Seal([first.strip()])
    assert seal.open(seal.close("whsec_AAAA")) == "whsec_AAAA"
    assert [each.name for each in file.parent.iterdir()] == ["secrets.key"]
