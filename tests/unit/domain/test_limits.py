"""The admission rule, case by case, and how limits are written; test_ring_properties.py tries everything."""

import pytest

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.limits import (
    BULK_FORESIGHT_MICROS,
    GAP_MICROS_MAX,
    Full,
    Granted,
    Later,
    Limits,
    Ring,
    Rule,
    Timing,
    parse_rules,
)

SECOND = 1_000_000
LEASE = 10 * SECOND
TIMING = Timing(lead=50_000, validity=50_000, horizon=500_000)
MANY = 1_000


def ring(*rules: Rule, concurrency: int = MANY, timing: Timing = TIMING) -> Ring:
    """A ring that has admitted nothing."""
    return Ring(Limits(rules, concurrency), timing)


def granted(ring: Ring, now: int, lease: int = LEASE) -> Granted:
    """The next permission, which must be one."""
    admission = ring.admit(now, lease)
    assert isinstance(admission, Granted), admission
    return admission


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("5/1s", (Rule(5, SECOND),)),
        ("5/s", (Rule(5, SECOND),)),
        ("5/1s,100/1h", (Rule(5, SECOND), Rule(100, 3_600 * SECOND))),
        (" 5 / 1s , 100/h ", (Rule(5, SECOND), Rule(100, 3_600 * SECOND))),
        ("1000000/31d", (Rule(1_000_000, 31 * 86_400 * SECOND),)),
        ("7/90m", (Rule(7, 5_400 * SECOND),)),
    ],
)
def test_rules_are_read(text: str, rules: tuple[Rule, ...]) -> None:
    """Calls per window, any number of them, spaces or not."""
    assert parse_rules(text, "rate") == rules


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "5",
        "5/",
        "/1s",
        "5/1x",
        "5/1s,",
        "0/1s",
        "5/0s",
        "-5/1s",
        "1.5/1s",
        "1000001/1s",
        "5/32d",
        "5/1s;6/1m",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    """A limit of nothing, of too much, or of no sense never takes effect."""
    with pytest.raises(InvalidSetting) as caught:
        parse_rules(text, "orion rate")
    assert caught.value.setting == "orion rate"


@pytest.mark.parametrize("text", ["5/1s", "100/1h", "7/90s", "7/90m", "10/1d", "3/36h", "1/31d"])
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    """What a person set is what a list shows."""
    assert ",".join(map(str, parse_rules(text, "rate"))) == text


@pytest.mark.parametrize(("text", "shown"), [("5/60s", "5/1m"), ("5/24h", "5/1d"), ("5/s", "5/1s")])
def test_a_rule_is_written_in_the_largest_unit(text: str, shown: str) -> None:
    """Equal windows read equal."""
    (rule,) = parse_rules(text, "rate")
    assert str(rule) == shown


def test_the_first_start_lies_the_lead_ahead() -> None:
    """There is time to commit an intent before the call is sent."""
    assert granted(ring(Rule(5, SECOND)), now=7_000).start == 7_000 + TIMING.lead


def test_a_burst_up_to_the_limit_starts_at_once() -> None:
    """Five of five per second follow each other closely, the sixth waits a window and its jitter."""
    five = ring(Rule(5, SECOND))
    first = [granted(five, now=0).start for _ in range(5)]
    assert first == [TIMING.lead + place * GAP_MICROS_MAX for place in range(5)]
    assert five.admit(0, LEASE) == Later(TIMING.lead + SECOND + TIMING.validity)


def test_leases_are_distinct() -> None:
    """Each permission is given back on its own."""
    five = ring(Rule(5, SECOND))
    assert len({granted(five, now=0).lease for _ in range(5)}) == 5


def test_every_rule_holds() -> None:
    """The strictest rule at the moment decides: three per second, but four per minute."""
    both = ring(Rule(3, SECOND), Rule(4, 60 * SECOND))
    first = granted(both, now=0).start
    granted(both, now=0)
    granted(both, now=0)
    fourth = granted(both, now=2 * SECOND)
    assert fourth.start == 2 * SECOND + TIMING.lead
    assert both.admit(4 * SECOND, LEASE) == Later(first + 60 * SECOND + TIMING.validity)


def test_a_long_rule_looks_back_over_all_its_calls() -> None:
    """Of one per second and three per minute, the fourth waits for the first, not for a later one."""
    both = ring(Rule(1, SECOND), Rule(3, 60 * SECOND))
    starts = [granted(both, now=2 * place * SECOND).start for place in range(3)]
    assert both.admit(6 * SECOND, LEASE) == Later(starts[0] + 60 * SECOND + TIMING.validity)


def test_a_start_beyond_the_horizon_is_not_given_out() -> None:
    """Nobody holds a place for long; the same question inside the horizon is granted with that very start."""
    one = ring(Rule(1, SECOND))
    granted(one, now=0)
    later = one.admit(0, LEASE)
    assert isinstance(later, Later)
    assert granted(one, now=later.start - TIMING.horizon).start == later.start


def test_a_start_on_the_horizon_is_given_out() -> None:
    """The horizon belongs to what is handed out."""
    one = ring(Rule(1, SECOND), timing=Timing(lead=0, validity=0, horizon=SECOND))
    granted(one, now=0)
    assert one.admit(0, LEASE) == Granted(start=SECOND, lease=1)


def test_later_and_full_consume_nothing() -> None:
    """However often one asks in vain, the next permission is the one it would have been."""
    asked, quiet = ring(Rule(1, SECOND), concurrency=1), ring(Rule(1, SECOND), concurrency=1)
    for each in (asked, quiet):
        each.release(granted(each, now=0).lease)
    for _ in range(100):
        assert isinstance(asked.admit(0, LEASE), Later)
    assert granted(asked, now=SECOND) == granted(quiet, now=SECOND)
    for _ in range(100):
        assert isinstance(asked.admit(SECOND, LEASE), Full)
    asked.release(1)
    quiet.release(1)
    assert granted(asked, now=2 * SECOND) == granted(quiet, now=2 * SECOND)


def test_when_all_places_are_taken_the_answer_is_full() -> None:
    """It says until when the first of them is taken at the latest."""
    two = ring(Rule(100, SECOND), concurrency=2)
    first = granted(two, now=0, lease=3 * SECOND)
    granted(two, now=0, lease=9 * SECOND)
    assert two.admit(1, LEASE) == Full(until=first.start + 3 * SECOND)


def test_a_place_given_back_is_free_at_once() -> None:
    """A lease given back twice frees one place, not two."""
    one = ring(Rule(100, SECOND), concurrency=1)
    lease = granted(one, now=0).lease
    one.release(lease)
    granted(one, now=0)
    one.release(lease)
    assert isinstance(one.admit(0, LEASE), Full)


def test_a_place_that_nobody_gives_back_is_free_when_its_lease_ends() -> None:
    """A dead owner blocks its place no longer than it could have been using it."""
    one = ring(Rule(100, SECOND), concurrency=1)
    end = granted(one, now=0, lease=3 * SECOND).start + 3 * SECOND
    assert one.admit(end - 1, LEASE) == Full(until=end)
    assert isinstance(one.admit(end, LEASE), Granted)


def test_a_burned_place_still_counts_for_the_rules() -> None:
    """A permission that was given back unused may have been used: it is never handed out again."""
    one = ring(Rule(1, SECOND))
    one.release(granted(one, now=0).lease)
    assert isinstance(one.admit(0, LEASE), Later)


def test_a_penalty_holds_back_every_start() -> None:
    """A provider that asks for a pause gets it; a shorter penalty does not cut a longer one."""
    five = ring(Rule(5, SECOND))
    five.penalise(30 * SECOND)
    five.penalise(10 * SECOND)
    assert five.admit(0, LEASE) == Later(30 * SECOND)
    assert granted(five, now=30 * SECOND - TIMING.horizon).start == 30 * SECOND
    assert granted(five, now=40 * SECOND).start == 40 * SECOND + TIMING.lead


def test_a_clock_that_goes_back_is_not_followed() -> None:
    """A start never lies before one that was possible already."""
    five = ring(Rule(5, SECOND))
    five.admit(10 * SECOND, LEASE)
    assert granted(five, now=SECOND).start == 10 * SECOND + TIMING.lead + GAP_MICROS_MAX


def test_a_lowered_concurrency_waits_for_places() -> None:
    """Those that are taken stay taken; new ones are given when few enough are left."""
    falling = ring(Rule(100, SECOND), concurrency=3)
    leases = [granted(falling, now=0).lease for _ in range(3)]
    falling.limits = Limits((Rule(100, SECOND),), 2)
    falling.release(leases[0])
    assert isinstance(falling.admit(0, LEASE), Full)
    falling.release(leases[1])
    granted(falling, now=SECOND)


def test_the_hour_boundary_is_no_boundary() -> None:
    """A window is any window, not that of the clock: a full hour before ten leaves nothing after ten."""
    hour = 3_600 * SECOND
    hourly = ring(Rule(100, hour))
    moments = [10 * hour - SECOND + place * GAP_MICROS_MAX for place in range(100)]
    starts = [granted(hourly, now=moment).start for moment in moments]
    assert hourly.admit(10 * hour + SECOND, LEASE) == Later(starts[0] + hour + TIMING.validity)


def test_no_more_is_remembered_than_rules_count() -> None:
    """A ring that has given thousands is as small as one that has given what its largest rule allows."""
    both = ring(Rule(3, SECOND), Rule(20, 60 * SECOND))
    for place in range(2_000):
        granted(both, now=4 * place * SECOND)
    assert len(both.starts) == 20
    again = Ring.load(both.dump(), both.limits, TIMING)
    assert again.admit(0, LEASE) == both.admit(0, LEASE)


def test_a_seed_of_more_than_rules_count() -> None:
    """Only the last of what was admitted elsewhere is looked back at."""
    five = ring(Rule(5, SECOND))
    five.seed(range(0, 10 * SECOND, SECOND // 4), ())
    assert five.admit(9 * SECOND + SECOND // 2, LEASE) == Granted(9 * SECOND + 800_000, 40)


@pytest.mark.parametrize(
    ("rate", "gap"),
    [("5/1s", 190_000), ("100/1s,600/10s", 15_833), ("2/1m", GAP_MICROS_MAX), ("5/1s,100/1h", 190_000)],
)
def test_bulk_is_spread_over_short_windows(rate: str, gap: int) -> None:
    """Its starts lie a little less than the pace apart, of the slowest rule with a short window."""
    limits = Limits(parse_rules(rate, "rate"), MANY)
    assert limits.for_bulk().gap(TIMING.validity) == gap
    assert limits.gap(TIMING.validity) == GAP_MICROS_MAX


def test_bulk_below_its_pace() -> None:
    """Where calls end together after a while, two may begin together, but not a third."""
    ten = Ring(Limits((Rule(10, SECOND),), MANY).for_bulk(), TIMING)
    granted(ten, now=0)
    granted(ten, now=SECOND)
    begun = 2 * SECOND
    first, second = granted(ten, now=begun).start, granted(ten, now=begun).start
    assert (first, second) == (begun + TIMING.lead, first + GAP_MICROS_MAX)
    assert ten.admit(begun, LEASE) == Later(second + ten.limits.gap(TIMING.validity))


def test_bulk_at_its_pace() -> None:
    """A start that was missed is made up for at the pace, not by two at once."""
    ten = Ring(Limits((Rule(10, SECOND),), MANY).for_bulk(), TIMING)
    gap = ten.limits.gap(TIMING.validity)
    first = granted(ten, now=0).start
    second = granted(ten, now=2 * gap).start
    assert (second, ten.admit(2 * gap, LEASE)) == (first + 2 * gap, Later(second + gap))


def test_bulk_takes_places_not_far_ahead() -> None:
    """Whoever is urgent comes soon after what bulk has taken."""
    limits = Limits((Rule(5, SECOND),), MANY)
    assert limits.for_bulk().foresight(TIMING.validity) == BULK_FORESIGHT_MICROS
    assert limits.foresight(TIMING.validity) > BULK_FORESIGHT_MICROS


def test_bulk_does_not_space_who_is_urgent() -> None:
    """A gap is that of who takes; the rules count all of them."""
    five = ring(Rule(5, SECOND))
    plain, five.limits = five.limits, five.limits.for_bulk()
    first = granted(five, now=0).start
    assert isinstance(five.admit(0, LEASE), Later)
    five.limits = plain
    assert granted(five, now=0).start == first + GAP_MICROS_MAX
