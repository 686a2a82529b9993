"""Small builders: values that are complete and dull, of which a test names only what matters to it.

All phone numbers are of ranges set aside for fiction: 555-0100 to 555-0199 in the United States.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState, Input, Lead, Profile, Question
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Rule
from leadgen.domain.lookup import Lookup, LookupState, lookup_key
from leadgen.domain.phone import LineType, PhoneNumber
from leadgen.domain.provider import Charges, OnUnknown, Outcome, ProviderConfig
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier

ACCOUNT = "acme"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=15)
MONEY = sorted(set(Span) - {Span.MONTH})
"""The budgets that count money; that of a month counts lookups."""
FIVE_PER_SECOND = Limits(rules=(Rule(5, MICROS_PER_SECOND),), concurrency=3)


def us_phone(
    last: int = 0, *, area: str = "202", line: LineType = LineType.MOBILE_OR_LANDLINE
) -> PhoneNumber:
    """The fictitious American number that ends in 0100 + ``last``; ``last`` up to 99."""
    assert 0 <= last <= 99
    return PhoneNumber(e164=f"+1{area}55501{last:02}", country="US", line=line)


def profile(
    *,
    email: str = "ada@lovelace.example",
    first_name: str = "Ada",
    last_name: str = "King",
    job_title: str = "Countess",
    country_code: str = "US",
    company_name: str = "Lovelace Engines",
    company_website: str = "lovelace.example",
    phone_number: str = "",
    extra: Mapping[str, str] | None = None,
) -> Profile:
    """A person of whom everything that providers may ask for is known."""
    return Profile(
        email=email,
        first_name=first_name,
        last_name=last_name,
        job_title=job_title,
        country_code=country_code,
        company_name=company_name,
        company_website=company_website,
        phone_number=phone_number,
        extra=extra or {},
    )


def lead(
    number: int = 1,
    *,
    about: Profile | None = None,
    account: str = ACCOUNT,
    phone: PhoneNumber | None = None,
    phone_provider: str | None = None,
    phone_status: EndState | None = None,
) -> Lead:
    """The lead with this number: another number is another person."""
    return Lead(
        id=f"lead-{number}",
        account=account,
        profile=about or profile(email=f"person{number}@lovelace.example"),
        phone=phone,
        phone_provider=phone_provider,
        phone_status=phone_status,
    )


def config(
    name: str = "orion",
    *,
    priority: int = 1,
    limits: Limits = FIVE_PER_SECOND,
    price_micros: int = 20_000,
    charges: Charges = Charges.REQUEST,
    enabled: bool = True,
    tier: Tier = Tier.FREE,
    on_unknown: OnUnknown = OnUnknown.ASSUME,
) -> ProviderConfig:
    """A provider that may be asked by everybody."""
    return ProviderConfig(
        name=name,
        priority=priority,
        limits=limits,
        price_micros=price_micros,
        charges=charges,
        enabled=enabled,
        tier=tier,
        on_unknown=on_unknown,
    )


def standing(of: ProviderConfig | None = None, *needs: Input) -> Standing:
    """A provider that has a key; without ``needs`` it can be asked about anybody."""
    return Standing(config=of or config(), needs=frozenset(needs))


def lookup(
    *,
    about: Question | None = None,
    account: str = ACCOUNT,
    lead_id: str = "lead-1",
    job_id: str | None = None,
    provider: str = "orion",
    n: int = 0,
    state: LookupState = LookupState.INTENDED,
    owner: str = "worker-1",
    created_at: datetime = NOW,
    lease_until: datetime | None = None,
    held_micros: int = 20_000,
    posted_micros: int = 0,
    estimated_micros: int = 0,
    settled_at: datetime | None = None,
    outcome: Outcome | None = None,
    repeats: int = 0,
) -> Lookup:
    """An intent that holds the price of one question; its key follows from what it asks."""
    question = (about or profile().question).digest
    return Lookup(
        key=lookup_key(account, question, provider, n),
        account=account,
        lead_id=lead_id,
        job_id=job_id,
        question=question,
        provider=provider,
        n=n,
        state=state,
        owner=owner,
        lease_until=lease_until or created_at + LEASE,
        created_at=created_at,
        held_micros=held_micros,
        posted_micros=posted_micros,
        estimated_micros=estimated_micros,
        settled_at=settled_at,
        outcome=outcome,
        repeats=repeats,
    )
