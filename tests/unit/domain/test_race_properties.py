"""Whatever the order in which answers come: what holds of every race."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from leadgen.domain.lead import EndState
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.waterfall import (
    Answered,
    Ask,
    Candidate,
    Held,
    Moves,
    Plan,
    Sent,
    Tick,
    Verdict,
    Waterfall,
    WhenHeld,
)
from tests.builders import NOW, us_phone

PROVIDERS = ("orion", "astra", "nimbus", "vega")
MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Reply:
    """What comes of a question, and after how long; an outcome None is a limit that holds it.

    ``queued``: how long it waits before it is sent; longer than ``after``, and it never is.
    """

    after: timedelta
    outcome: Outcome | None
    queued: timedelta = timedelta()


numbers: st.SearchStrategy[Outcome | None] = st.builds(
    Hit,
    phone=st.builds(us_phone, st.integers(0, 99), line=st.sampled_from(LineType)),
    raw=st.just("x"),
)
others: st.SearchStrategy[Outcome | None] = st.sampled_from(
    [
        None,
        Miss(),
        Hit(None, "12"),
        Rejected(Fault.QUESTION, "404"),
        Rejected(Fault.BUSY, "429", 2.0),
        Rejected(Fault.BROKEN, "500"),
        Rejected(Fault.ACCOUNT, "401"),
        NotSent("refused"),
        NotSent("late", late=True),
        Unknown("timed out"),
    ]
)
queues = st.sampled_from([timedelta(), 150 * MS, 900 * MS])
replies = st.builds(Reply, st.integers(1, 2_000).map(lambda ms: ms * MS), st.one_of(numbers, others), queues)
worlds = st.lists(st.lists(replies, max_size=4), min_size=1, max_size=len(PROVIDERS))
plans = st.builds(
    Plan,
    st.just(()),
    when_held=st.sampled_from(WhenHeld),
    stagger=st.sampled_from([None, timedelta(), 100 * MS, 500 * MS]),
    grace=st.sampled_from([timedelta(), 250 * MS, 1_000 * MS]),
    line=st.sampled_from(WantedLine),
)


@dataclass
class Race:
    """Drives a waterfall in virtual time, and keeps its own account of what is under way."""

    plan: Plan
    world: dict[str, list[Reply]]
    now: datetime = NOW
    flights: dict[str, tuple[Ask, datetime, Reply]] = field(default_factory=dict)
    asked: list[tuple[Ask, datetime]] = field(default_factory=list)
    leaving: list[tuple[datetime, Ask]] = field(default_factory=list)
    sent: list[tuple[Ask, datetime]] = field(default_factory=list)
    told: list[tuple[Answered, datetime]] = field(default_factory=list)
    let_go: list[Ask] = field(default_factory=list)
    verdict: Verdict | None = None
    in_flight_max: int = 0

    def run(self) -> "Race":
        """To its end; every step checks that no provider is asked twice at once."""
        waterfall = Waterfall(self.plan)
        moves = waterfall.step(Tick(), self.now)
        for _ in range(500):
            self._carry_out(moves)
            if moves.verdict is not None:
                self.verdict = moves.verdict
                return self
            moves = waterfall.step(self._next(moves.wake_at), self.now)
        raise AssertionError("no verdict")

    def _carry_out(self, moves: Moves) -> None:
        for ask in moves.let_go:
            gone, _, _ = self.flights.pop(ask.provider)
            assert gone == ask
            self.let_go.append(ask)
        for ask in moves.asks:
            assert ask.provider not in self.flights, "two questions to one provider at once"
            script = self.world[ask.provider]
            reply = script.pop(0) if script else Reply(300 * MS, Miss())
            self.flights[ask.provider] = (ask, self.now + reply.after, reply)
            self.asked.append((ask, self.now))
            if reply.queued < reply.after:
                self.leaving.append((self.now + reply.queued, ask))
        self.in_flight_max = max(self.in_flight_max, len(self.flights))

    def _next(self, wake_at: datetime | None) -> Answered | Held | Sent | Tick:
        first = min(self.flights.values(), key=lambda flight: flight[1], default=None)
        assert first is not None or wake_at is not None
        soonest = min((moment for moment in (wake_at, first and first[1]) if moment), default=self.now)
        self.leaving = [(at, ask) for at, ask in self.leaving if (ask.provider, ask.n) in self._flying]
        if self.leaving and min(self.leaving, key=itemgetter(0))[0] <= soonest:
            self.now, ask = min(self.leaving, key=itemgetter(0))
            self.leaving.remove((self.now, ask))
            self.sent.append((ask, self.now))
            return Sent(ask.provider)
        if first is None or (wake_at is not None and wake_at < first[1]):
            assert wake_at is not None
            assert wake_at > self.now
            self.now = wake_at
            return Tick()
        ask, self.now, reply = first
        del self.flights[ask.provider]
        if reply.outcome is None:
            return Held(ask.provider, "limit", self.now + 700 * MS)
        answered = Answered(ask.provider, ask.n, reply.outcome)
        self.told.append((answered, self.now))
        return answered

    @property
    def _flying(self) -> set[tuple[str, int]]:
        return {(ask.provider, ask.n) for ask, _, _ in self.flights.values()}

    def is_usable(self, outcome: Outcome) -> bool:
        """Whether a number is there, and will do."""
        phone = outcome.phone if isinstance(outcome, Hit) else None
        return phone is not None and self.plan.line.takes(phone.line)


def raced(plan: Plan, scripts: list[list[Reply]]) -> Race:
    """A whole race, ranked as providers are named."""
    world = {name: list(script) for name, script in zip(PROVIDERS, scripts, strict=False)}
    candidates = [Candidate(name, rank=rank) for rank, name in enumerate(world)]
    ranked = Plan(candidates, (), plan.when_held, plan.stagger, plan.grace, plan.line)
    return Race(ranked, world).run()


@settings(max_examples=300)
@given(plans, worlds)
def test_every_question_is_answered_or_let_go(plan: Plan, scripts: list[list[Reply]]) -> None:
    """Nothing is under way after the verdict, and nobody is asked twice at once on the way there."""
    race = raced(plan, scripts)
    assert race.verdict is not None
    assert not race.flights
    if plan.stagger is None:
        assert race.in_flight_max <= 1
        assert not race.let_go


@settings(max_examples=300)
@given(plans, worlds)
def test_the_best_rank_within_the_grace_wins(plan: Plan, scripts: list[list[Reply]]) -> None:
    """Of all usable answers that came, the best-ranked is handed out; and it waited for no longer than that.

    A race ends no later than ``grace`` after the first usable number, and not before it while a better-ranked
    question is under way.
    """
    race = raced(plan, scripts)
    assert race.verdict is not None
    usable = [(told, at) for told, at in race.told if race.is_usable(told.outcome)]
    if not usable:
        assert race.verdict.state is not EndState.FOUND
        return
    first_at = usable[0][1]
    best = min((PROVIDERS.index(told.provider) for told, _ in usable))
    assert race.verdict.provider == PROVIDERS[best]
    assert race.now <= first_at + plan.grace
    if race.now < first_at + plan.grace:
        assert all(PROVIDERS.index(ask.provider) > best for ask in race.let_go)
    assert all(at <= first_at for _, at in race.asked), "nobody is asked after a usable number"


@given(plans, worlds)
def test_a_new_provider_is_asked_when_nobody_is_under_way_or_the_stagger_has_passed(
    plan: Plan, scripts: list[list[Reply]]
) -> None:
    """Whose question is still in our own queue is not late, and keeps its turn."""
    race = raced(plan, scripts)
    firsts = {ask.provider: at for ask, at in reversed(race.asked)}
    left = {ask.provider: at for ask, at in reversed(race.sent)}
    if plan.stagger is None or any(reply.outcome is None for script in scripts for reply in script):
        return
    for (name, earlier), (_, later) in pairwise(sorted(firsts.items(), key=itemgetter(1))):
        in_time = name in left and later - left[name] >= plan.stagger
        ended = [at for _, at in race.told if earlier <= at <= later]
        assert in_time or ended or not plan.stagger


@given(plans, worlds)
def test_not_found_means_that_all_have_answered(plan: Plan, scripts: list[list[Reply]]) -> None:
    """Whoever could not answer makes a race incomplete, as it does a search without one."""
    race = raced(plan, scripts)
    assert race.verdict is not None
    last = {told.provider: told.outcome for told, _ in race.told}
    silent = {
        name
        for name in race.world
        if not isinstance(last.get(name), Hit | Miss)
        and not (isinstance(last.get(name), Rejected) and last[name] == Rejected(Fault.QUESTION, "404"))
    }
    if race.verdict.state is not EndState.FOUND:
        assert race.verdict.state is (EndState.INCOMPLETE if silent else EndState.NOT_FOUND)
        assert {refusal.provider for refusal in race.verdict.unasked if refusal.prevents} == silent
        numbers = [told for told, _ in race.told if isinstance(told.outcome, Hit) and told.outcome.phone]
        assert (race.verdict.second_best is not None) == bool(numbers)
