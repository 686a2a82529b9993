"""Who may be asked, in which order, and why not."""

from collections.abc import Sequence

import pytest

from leadgen.domain.budget import Budget, Span
from leadgen.domain.lead import Input, Profile
from leadgen.domain.ordering import by_priority
from leadgen.domain.selection import (
    Enabled,
    InputsPresent,
    IProviderFilter,
    Refusal,
    Request,
    SelectionPipeline,
    TierCovered,
    WithinBudget,
)
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier
from tests.builders import MONEY, config, profile, standing

ANYBODY = Request(profile().question.inputs, Tier.FREE)
FILTERS: Sequence[IProviderFilter] = (Enabled(), InputsPresent(), TierCovered())


def refusal(of: Standing, request: Request = ANYBODY) -> str | None:
    """Why the pipeline refuses this provider; None where it is accepted."""
    selection = SelectionPipeline(FILTERS).select([of], request)
    assert len(selection.accepted) + len(selection.refused) == 1
    return selection.refused[0].reason if selection.refused else None


def test_a_provider_with_all_it_needs_is_accepted() -> None:
    """Switched on, keyed, covered and with its inputs there, nothing speaks against it."""
    assert refusal(standing(config(), *Input)) is None


def test_a_disabled_provider_is_refused() -> None:
    """Its being switched off is told before anything else."""
    assert refusal(standing(config(enabled=False, tier=Tier.PRO))) == "disabled"


def test_a_provider_without_a_key_is_refused_with_the_remedy() -> None:
    """The reason names the settings that are missing."""
    reason = refusal(Standing(config("nimbus"), needs=None))
    assert reason is not None
    assert "LEADGEN_NIMBUS_URL" in reason
    assert "LEADGEN_NIMBUS_API_KEY" in reason


@pytest.mark.parametrize(
    ("about", "needs", "refused"),
    [
        (Profile(email="ada@gmail.com", first_name="Ada"), (Input.FULL_NAME, Input.WEBSITE), True),
        (Profile(email="ada@lovelace.example", first_name="Ada"), (Input.FULL_NAME, Input.WEBSITE), False),
        (Profile(email="ada@lovelace.example"), (Input.EMAIL, Input.JOB_TITLE), True),
        (Profile(email="ada@gmail.com"), (Input.EMAIL,), False),
        (Profile(first_name="Ada", company_name="Engines"), (Input.EMAIL,), True),
        (Profile(), (), False),
    ],
)
def test_a_provider_is_not_asked_without_its_inputs(
    about: Profile, needs: tuple[Input, ...], refused: bool
) -> None:
    """It would answer with an error, or invent: better not eligible, as the trace says."""
    reason = refusal(standing(config(), *needs), Request(about.question.inputs, Tier.FREE))
    assert (reason is not None) is refused


def test_all_missing_inputs_are_named_in_a_stable_order() -> None:
    """The same lack reads the same in every run."""
    request = Request(Profile(email="ada@gmail.com").question.inputs, Tier.FREE)
    refused = InputsPresent().refuse(standing(config(), *Input), request)
    assert refused == Refusal("orion", "the lead has no full_name and no job_title and no website")


@pytest.mark.parametrize("needed", Tier)
@pytest.mark.parametrize("booked", Tier)
def test_a_tier_covers_itself_and_what_is_below(booked: Tier, needed: Tier) -> None:
    """Free, pro, enterprise: each may use what the lower ones may."""
    ranks = [Tier.FREE, Tier.PRO, Tier.ENTERPRISE]
    expected = ranks.index(booked) >= ranks.index(needed)
    assert booked.covers(needed) is expected
    reason = refusal(standing(config(tier=needed)), Request(profile().question.inputs, booked))
    assert (reason is None) is expected


def test_the_first_refusal_is_told_and_the_order_kept() -> None:
    """Every provider is either accepted or refused once, in the order in which they came."""
    standings = [
        standing(config("orion")),
        standing(config("astra", enabled=False)),
        standing(config("nimbus", tier=Tier.PRO)),
        standing(config("vega")),
    ]
    selection = SelectionPipeline(FILTERS).select(standings, ANYBODY)
    assert [each.config.name for each in selection.accepted] == ["orion", "vega"]
    assert selection.refused == (
        Refusal("astra", "disabled"),
        Refusal("nimbus", "the account is free, this needs pro"),
    )


def test_ineligible_providers_do_not_prevent() -> None:
    """Their silence is no reason to ask again later."""
    selection = SelectionPipeline(FILTERS).select([standing(config(enabled=False))], ANYBODY)
    assert [each.prevents for each in selection.refused] == [False]


def test_without_filters_everybody_is_accepted() -> None:
    """A pipeline has no opinion of its own."""
    everybody = [standing(config(enabled=False)), Standing(config("astra"), None)]
    assert SelectionPipeline([]).select(everybody, ANYBODY).accepted == tuple(everybody)


def test_priority_one_is_asked_first_and_equals_by_name() -> None:
    """The order follows from the configuration alone, not from the order of reading it."""
    standings = [
        standing(config(name, priority=rank)) for name, rank in [("c", 2), ("b", 1), ("d", 1), ("a", 3)]
    ]
    assert [each.config.name for each in by_priority(standings)] == ["b", "d", "c", "a"]
    assert by_priority(reversed(standings)) == by_priority(standings)
    assert by_priority([]) == []


# ---------------------------------------------------------------- budgets


def within(*budgets: Budget, price: int = 20_000) -> Refusal | None:
    """What the filter says of a provider of this price."""
    return WithinBudget().refuse(
        standing(config(price_micros=price)), Request(profile().question.inputs, Tier.FREE, budgets)
    )


def test_without_budgets_every_price_is_covered() -> None:
    """Who has set none has no limit."""
    assert within() is None


@pytest.mark.parametrize("span", MONEY)
def test_a_price_beyond_a_budget_is_refused(span: Span) -> None:
    """The refusal names the budget and prevents "not found": with more money it could have been asked."""
    assert within(Budget(span, "acme", 20_000)) is None
    assert within(Budget(span, "acme", 19_999)) == Refusal(
        "orion", f"budget: the {span}'s is used up", prevents=True, over=span
    )


def test_money_that_is_held_may_come_back() -> None:
    """Only what is used speaks against a provider; the ledger has the last word."""
    assert within(Budget(Span.JOB, "job-1", 20_000, held_micros=20_000)) is None
    assert within(Budget(Span.JOB, "job-1", 20_000, used_micros=1)) is not None


def test_one_budget_of_several_is_enough() -> None:
    """The first that does not cover it is named, and a cheaper provider may still be asked."""
    budgets = [
        Budget(Span.ACCOUNT, "acme", 100_000),
        Budget(Span.DAY, "acme", 15_000),
        Budget(Span.JOB, "job-1", 5_000),
    ]
    refused = within(*budgets)
    assert refused is not None
    assert refused.over is Span.DAY
    assert within(*budgets, price=5_000) is None
