"""The learned order: by segment, by who has missed, and at an expense that is capped."""

from __future__ import annotations

import dataclasses
import math

import pytest

from leadgen.domain.experience import MEMORY_CALLS, NOTHING, Cell, Experience, Tally, learned
from leadgen.domain.lead import Question
from leadgen.domain.learning import EXPLORATION, LearnedOrder
from leadgen.domain.ordering import Ranked, expected_cost
from leadgen.domain.segment import segment_of
from tests.builders import config, profile, standing

QUESTION = profile().question
SEGMENT = segment_of(QUESTION)
OTHERS = dataclasses.replace(QUESTION, country="FR")
PRICES = {"orion": 20_000, "astra": 10_000, "nimbus": 15_000}
EVERYBODY = [
    standing(config(name, priority=place, price_micros=price))
    for place, (name, price) in enumerate(PRICES.items(), 1)
]


def cells(segment: str, calls: int, *missed: str, **rates: float) -> dict[Cell, Tally]:
    """What was seen of some providers in a segment after others had missed."""
    return {
        Cell(segment, name, tuple(sorted(missed))): Tally().after(calls, round(calls * rate))
        for name, rate in rates.items()
    }


def names(ranked: list[Ranked]) -> list[str]:
    """The order."""
    return [each.provider for each in ranked]


def person(number: int) -> Question:
    """A question of the same segment about somebody else."""
    return dataclasses.replace(QUESTION, email=f"person.{number}@lovelace.example")


def test_segments_have_orders_of_their_own() -> None:
    """What is best for one kind of lead is not what is best for another."""
    known = Experience(
        {
            **cells(SEGMENT, 900, orion=0.9, astra=0.1, nimbus=0.1),
            **cells(segment_of(OTHERS), 900, orion=0.1, astra=0.1, nimbus=0.9),
        }
    )
    ordering = LearnedOrder(known, "job-1", exploration=0.0)
    assert names(ordering.rank(QUESTION, EVERYBODY))[0] == "orion"
    assert names(ordering.rank(OTHERS, EVERYBODY))[0] == "nimbus"


def test_who_missed_counts() -> None:
    """A provider that knows what the first one knows is not asked after that one's miss."""
    known = Experience(
        {
            **cells(SEGMENT, 1_500, orion=0.3, astra=0.60, nimbus=0.8),
            **cells(SEGMENT, 1_500, "astra", orion=0.60, nimbus=0.05),
        }
    )
    ordering = LearnedOrder(known, "job-1", exploration=0.0)
    assert names(ordering.rank(QUESTION, EVERYBODY)) == ["astra", "orion", "nimbus"]
    without = [each for each in EVERYBODY if each.config.name != "astra"]
    assert names(ordering.rank(QUESTION, without)) == ["nimbus", "orion"]
    assert names(ordering.rank(QUESTION, without, {"astra"})) == ["orion", "nimbus"]


def test_the_same_seed_gives_the_same_orders() -> None:
    """Chance is drawn from seed and question alone: a job that is run again asks in the same order."""
    known = Experience(cells(SEGMENT, 40, orion=0.5, astra=0.3, nimbus=0.4))

    def orders(seed: str) -> list[list[str]]:
        ordering = LearnedOrder(known, seed, exploration=1.0)
        return [names(ordering.rank(person(number), EVERYBODY)) for number in range(200)]

    assert orders("job-1") == orders("job-1")
    assert orders("job-1") != orders("job-2")
    assert len({tuple(order) for order in orders("job-1")}) > 1


def test_trying_others_costs_no_more_than_its_share() -> None:
    """What is expected to be spent beyond the best known order stays under two per cent of all."""
    rates = {"orion": 0.5, "astra": 0.3, "nimbus": 0.4}
    ordering = LearnedOrder(Experience(cells(SEGMENT, 40, **rates)), "job-1")
    ranked = [ordering.rank(person(number), EVERYBODY) for number in range(1_000)]
    costs = [expected_cost((each.chance or 0, each.price_micros) for each in order) for order in ranked]
    tried = [cost for cost, order in zip(costs, ranked, strict=True) if "tried out" in order[0].reason]
    best = min(costs)
    assert len(tried) > 10
    assert sum(costs) - best * len(costs) <= EXPLORATION * sum(costs)


def test_draws_wait_for_enough_calls() -> None:
    """A segment that has seen fewer than 30 calls of everybody is ordered by the likeliest chances."""
    known = Experience(
        {
            **cells(segment_of(OTHERS), 500, orion=0.5, astra=0.3, nimbus=0.4),
            **cells(SEGMENT, 29, orion=0.5, astra=0.3, nimbus=0.4),
        }
    )
    ordering = LearnedOrder(known, "job-1", exploration=1.0)
    assert len({tuple(names(ordering.rank(person(number), EVERYBODY))) for number in range(200)}) == 1


def test_little_known_leans_on_what_is_known_better() -> None:
    """A cell without calls has its provider's rate; a few calls move it by their share of twenty."""
    known = Experience({**cells("US", 1_000, orion=0.5), **cells("GB", 20, orion=1.0)})
    assert known.chance(Cell("FR", "orion")).rate == pytest.approx(known.rate("orion"), rel=0.01)
    assert 0.75 < known.chance(Cell("GB", "orion")).rate < 0.9
    assert known.chance(Cell("US", "vega")).rate == 0.5


def test_price_places_who_is_hardly_known_for_half_of_the_leads() -> None:
    """About the others that one is asked where it is configured; a guess is not told as a chance."""
    known = Experience(cells(SEGMENT, 500, orion=0.5, astra=0.3))
    cheap = standing(config("vega", priority=3, price_micros=1_000))
    pair = [each for each in EVERYBODY if each.config.name != "nimbus"]
    ordering = LearnedOrder(known, "job-1", exploration=0.0)
    ranked = [ordering.rank(person(number), [*pair, cheap]) for number in range(1_000)]
    tried = [order for order in ranked if order[0].provider == "vega"]
    assert 400 < len(tried) < 600
    assert all(names(order) == ["vega", "astra", "orion"] for order in tried)
    assert all(names(order) == ["astra", "orion", "vega"] for order in ranked if order not in tried)
    assert tried[0][0].chance is None
    assert tried[0][0].reason == "0.50 / $0.001 = 500 hits per $, asked less than 30 times"


def test_memory_fades() -> None:
    """About 2,000 calls are remembered, the newer ones better."""
    tally = Tally()
    for _ in range(300):
        tally = tally.after(50, 25)
    assert tally.calls == pytest.approx(2_000, rel=0.02)
    assert tally.hits == pytest.approx(tally.calls / 2)
    assert tally.recent_calls == pytest.approx(80)


def test_what_is_not_looked_at_fades() -> None:
    """While a segment's calls go to one provider, what is known of another counts for less and less."""
    first, other = Cell("US", "orion"), Cell("US", "astra")
    known = {first: Tally().after(500, 250), other: Tally().after(500, 250)}
    for _ in range(40):
        known |= learned(known, {first: (50, 25)})
    assert known[other] == Tally().after(500, 250), "what nobody was asked is not written"
    chance = Experience(known).chance(other)
    assert chance.strength == pytest.approx(500 * math.exp(-40 * 50 / MEMORY_CALLS) + 20)
    assert chance.rate == pytest.approx(0.5)


def test_a_shift_makes_the_rest_forgotten() -> None:
    """When late calls differ by more than chance, they alone count, and the segment's others are doubted."""
    first, later, elsewhere = Cell("US", "orion"), Cell("US", "astra", ("orion",)), Cell("GB", "orion")
    known = {each: Tally().after(500, 250) for each in (later, elsewhere)}
    known[first] = Tally().after(2_000, 1_000)
    for _ in range(3):
        known |= learned(known, {first: (25, 2)})
    assert known[first].hits / known[first].calls < 0.25
    assert known[first].past_hits / known[first].past_calls > 0.4
    assert known[later].calls == pytest.approx(20)
    assert known[elsewhere].calls == 500
    steady = learned({first: Tally().after(2_000, 1_000)}, {first: (25, 13)})
    assert steady[first].calls == pytest.approx(2_000, rel=0.01)


def test_what_is_forgotten_for_good() -> None:
    """Whoever accepts a new rate has it measured by the calls of late."""
    tally = Tally().after(1_000, 500).after(150, 0)
    assert tally.forgotten().past_hits > 0
    assert tally.forgotten(past=True).past_hits == pytest.approx(0)
    assert Experience({Cell("US", "orion"): tally}).expected(Cell("US", "orion")) == pytest.approx(
        500 / 1_150
    )
    assert Experience({Cell("US", "orion"): NOTHING}).expected(Cell("US", "orion")) is None
