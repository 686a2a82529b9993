"""API keys: who may ask leadgen for what. A key reads ``lg_<id>_<secret>``; only a hash of it is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from enum import StrEnum

from leadgen.domain.value import value

OPERATOR = "default"
"""The account of whoever runs leadgen: providers, which all accounts share, are changed by its keys alone."""

NAME_CHARACTERS_MAX = 200
_TOKEN = re.compile(r"lg_([0-9a-f]{32})_([0-9a-f]{64})", re.ASCII)


class Scope(StrEnum):
    """What a key allows."""

    LEADS_READ = "leads:read"
    LEADS_WRITE = "leads:write"
    JOBS_READ = "jobs:read"
    JOBS_RUN = "jobs:run"
    """Order, pause, resume and cancel searches: it spends money."""
    LEDGER_READ = "ledger:read"
    PROVIDERS_READ = "providers:read"
    PROVIDERS_WRITE = "providers:write"
    KEYS_ADMIN = "keys:admin"
    WEBHOOKS_ADMIN = "webhooks:admin"


@value(frozen=True, slots=True)
class ApiKey:
    """A key of an account; ``digest`` is the SHA-256 of its secret, times are in UTC."""

    id: str
    account: str
    name: str
    scopes: frozenset[Scope]
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def fits(self, secret: str) -> bool:
        """Whether this is its secret; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def digest_of(secret: str) -> str:
    """What is kept of a secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(key_id: str, secret: str) -> str:
    """The key as its holder sees it, once."""
    return f"lg_{key_id}_{secret}"


def read_token(token: str) -> tuple[str, str] | None:
    """Id and secret of a key, or None for what is none."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None


def scopes_for(account: str) -> frozenset[Scope]:
    """All that a key of this account may allow."""
    return frozenset(Scope) - (frozenset() if account == OPERATOR else {Scope.PROVIDERS_WRITE})
