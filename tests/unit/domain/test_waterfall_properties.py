"""The waterfall against every sequence of outcomes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, OnUnknown, Outcome, Rejected, Unknown
from leadgen.domain.waterfall import TRIES, Answered, Ask, Candidate, Held, Plan, Tick, Verdict, Waterfall
from tests.builders import NOW, us_phone

PROVIDERS = ("orion", "astra", "nimbus", "vega")


@dataclass(frozen=True)
class Wait:
    """In place of an answer: the limiter holds the question back, for good where it is None."""

    seconds: float | None


Reply = Outcome | Wait

usable: st.SearchStrategy[Outcome] = st.builds(
    Hit, phone=st.builds(us_phone, st.integers(0, 99)), raw=st.just("x")
)
answers: st.SearchStrategy[Outcome] = st.sampled_from(
    [Miss(), Hit(None, "12"), Rejected(Fault.QUESTION, "404")]
)
doubts: st.SearchStrategy[Outcome] = st.sampled_from([Unknown("timed out"), Rejected(Fault.ACCOUNT, "401")])
repeated: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        Rejected(Fault.BUSY, "429", 7.0),
        Rejected(Fault.BUSY, "429"),
        Rejected(Fault.BROKEN, "500"),
        NotSent("refused"),
    ]
)
passing: st.SearchStrategy[Reply] = st.sampled_from([NotSent("late", late=True), Wait(3.0), Wait(0.0)])
replies: st.SearchStrategy[Reply] = usable | answers | doubts | repeated | passing | st.just(Wait(None))
worlds = st.lists(st.lists(replies, max_size=6), max_size=len(PROVIDERS))


def script(of: Sequence[Outcome], last: Outcome) -> list[Reply]:
    """Few passing failures, then one answer that stays the answer however often it is asked for."""
    return [*of, *[last] * 20]


endings = usable | answers | doubts
lasting_worlds = st.lists(
    st.builds(script, st.lists(repeated | st.just(NotSent("late", late=True)), max_size=TRIES - 1), endings),
    max_size=len(PROVIDERS),
)


@dataclass
class Search:
    """Drives a waterfall through a world, and keeps its own account of what happened."""

    world: dict[str, list[Reply]]
    now: datetime = NOW
    asks: list[Ask] = field(default_factory=list)
    events: list[Answered | Held] = field(default_factory=list)
    verdict: Verdict | None = None
    steps_max: int = 200
    on_flight: Callable[[Waterfall, datetime], None] | None = None
    lost: set[tuple[str, int]] = field(default_factory=set)
    """Questions whose answer was lost: a repeat without an answer leaves them in doubt, as in the ledger."""

    @property
    def answered(self) -> list[Answered]:
        """All answers in their order."""
        return [event for event in self.events if isinstance(event, Answered)]

    def run(self, waterfall: Waterfall, stop_after: int | None = None) -> "Search":
        """Goes on until the verdict, or until so many answers have come."""
        moves = waterfall.step(Tick(), self.now)
        for _ in range(self.steps_max):
            assert len(moves.asks) <= 1
            if moves.verdict is not None:
                assert not moves.asks
                self.verdict = moves.verdict
                return self
            if stop_after is not None and len(self.answered) >= stop_after:
                return self
            if moves.asks:
                if self.on_flight:
                    self.on_flight(waterfall, self.now)
                moves = waterfall.step(self._reply(moves.asks[0]), self.now)
            else:
                assert moves.wake_at is not None
                assert moves.wake_at > self.now
                self.now = moves.wake_at
                moves = waterfall.step(Tick(), self.now)
        raise AssertionError(f"no verdict after {self.steps_max} steps")

    def _reply(self, ask: Ask) -> Answered | Held:
        self.asks.append(ask)
        self.now += timedelta(milliseconds=300)
        script = self.world[ask.provider]
        reply = script.pop(0) if script else Miss()
        event = self._held(ask, reply) if isinstance(reply, Wait) else self._answered(ask, reply)
        self.events.append(event)
        return event

    def _answered(self, ask: Ask, outcome: Outcome) -> Answered:
        question = (ask.provider, ask.n)
        if question in self.lost and not isinstance(outcome, Hit | Miss):
            outcome = Unknown(f"repeated: {outcome}")
        if isinstance(outcome, Unknown):
            self.lost.add(question)
        return Answered(ask.provider, ask.n, outcome)

    def _held(self, ask: Ask, reply: Wait) -> Held:
        until = None if reply.seconds is None else self.now + timedelta(seconds=reply.seconds)
        return Held(ask.provider, "no ticket", until)


def world_of(scripts: Sequence[Sequence[Reply]]) -> dict[str, list[Reply]]:
    """The scripts by provider."""
    return {name: list(each) for name, each in zip(PROVIDERS, scripts, strict=False)}


def plan_of(scripts: Sequence[Sequence[Reply]]) -> Plan:
    """All providers of a world, each with the usual number of tries."""
    return Plan([Candidate(name) for name in world_of(scripts)])


def search(scripts: Sequence[Sequence[Reply]]) -> Search:
    """A whole search through a world."""
    return Search(world_of(scripts)).run(Waterfall(plan_of(scripts)))


def is_usable(outcome: Outcome) -> bool:
    """Whether it ends the search."""
    return isinstance(outcome, Hit) and outcome.phone is not None


def is_answer(outcome: Outcome) -> bool:
    """Whether the provider has said all it will ever say."""
    return isinstance(outcome, Hit | Miss) or (
        isinstance(outcome, Rejected) and outcome.fault is Fault.QUESTION
    )


@given(worlds)
def test_a_search_ends_within_its_tries(scripts: list[list[Reply]]) -> None:
    """A provider is asked at most as often as it has tries, not counting what was no try."""
    done = search(scripts)
    assert done.verdict is not None
    for name in world_of(scripts):
        asked = sum(ask.provider == name for ask in done.asks)
        no_tries = sum(
            event.provider == name
            and (isinstance(event, Held) or (isinstance(event.outcome, NotSent) and event.outcome.late))
            for event in done.events
        )
        assert asked - no_tries <= TRIES


@given(worlds)
def test_nothing_is_asked_while_a_question_is_in_flight(scripts: list[list[Reply]]) -> None:
    """However often time passes, there is one open question at most."""

    def tick(waterfall: Waterfall, now: datetime) -> None:
        for minutes in (0, 1, 120):
            moves = waterfall.step(Tick(), now + timedelta(minutes=minutes))
            assert (moves.asks, moves.verdict) == ((), None)

    watched = Search(world_of(scripts), on_flight=tick).run(Waterfall(plan_of(scripts)))
    assert watched.asks == search(scripts).asks


@given(worlds)
def test_found_means_that_a_usable_number_came_and_came_last(scripts: list[list[Reply]]) -> None:
    """The verdict is the first usable number, and nothing is asked after it."""
    done = search(scripts)
    assert done.verdict is not None
    numbers = [event for event in done.answered if is_usable(event.outcome)]
    assert (done.verdict.state is EndState.FOUND) == bool(numbers)
    assert len(numbers) <= 1
    if numbers:
        assert done.events[-1] is numbers[0]
        assert isinstance(numbers[0].outcome, Hit)
        assert (done.verdict.phone, done.verdict.provider) == (numbers[0].outcome.phone, numbers[0].provider)
    else:
        assert (done.verdict.phone, done.verdict.provider) == (None, None)


@given(worlds)
def test_not_found_means_that_all_have_answered(scripts: list[list[Reply]]) -> None:
    """Whoever could not answer makes the search incomplete, and is named as having prevented the end."""
    done = search(scripts)
    assert done.verdict is not None
    silent = {
        name
        for name in world_of(scripts)
        if not any(event.provider == name and is_answer(event.outcome) for event in done.answered)
    }
    prevented = {refusal.provider for refusal in done.verdict.unasked if refusal.prevents}
    if done.verdict.state is EndState.FOUND:
        assert prevented <= silent
    else:
        assert done.verdict.state is (EndState.INCOMPLETE if silent else EndState.NOT_FOUND)
        assert prevented == silent


@given(worlds)
def test_no_purchase_is_made_twice(scripts: list[list[Reply]]) -> None:
    """A number is used again only after its question never left; numbers are used up in order."""
    done = search(scripts)
    for name in world_of(scripts):
        expected = 0
        for event in done.events:
            if event.provider != name:
                continue
            if isinstance(event, Answered):
                assert event.n == expected
                expected += not isinstance(event.outcome, NotSent)
        numbers = [ask.n for ask in done.asks if ask.provider == name]
        assert numbers == sorted(numbers)


@given(worlds)
def test_providers_are_asked_in_the_order_of_the_plan(scripts: list[list[Reply]]) -> None:
    """A place that waits is waited for: nobody is asked before those above have come to an end."""
    done = search(scripts)
    ranks = [PROVIDERS.index(ask.provider) for ask in done.asks]
    assert ranks == sorted(ranks)


@settings(max_examples=200)
@given(scripts=lasting_worlds, data=st.data())
def test_a_resumed_search_ends_like_one_that_was_not_interrupted(
    scripts: list[list[Reply]], data: st.DataObject
) -> None:
    """With what was answered so far as history, and tries enough, the rest comes out the same."""
    whole = search(scripts)
    stop = data.draw(st.integers(0, len(whole.answered)), label="answers before the crash")
    before = Search(world_of(scripts)).run(Waterfall(plan_of(scripts)), stop_after=stop)
    after = Search(before.world, now=before.now + timedelta(hours=1))
    after.run(Waterfall(plan_of(scripts), before.answered))
    assert after.verdict is not None
    assert whole.verdict is not None
    for each in ("state", "phone", "provider"):
        assert getattr(after.verdict, each) == getattr(whole.verdict, each)
    if whole.verdict.state is not EndState.FOUND:
        assert after.verdict.unasked == whole.verdict.unasked


@given(worlds)
def test_a_search_over_its_own_history_asks_for_nothing_that_was_answered(scripts: list[list[Reply]]) -> None:
    """A repeated run pays for nothing that the first one has paid for, and finds what it found."""
    first = search(scripts)
    assert first.verdict is not None
    again = Search(world_of([[] for _ in scripts])).run(Waterfall(plan_of(scripts), first.answered))
    paid = {
        event.provider
        for event in first.answered
        if is_answer(event.outcome) or isinstance(event.outcome, Unknown)
    }
    assert not paid & {ask.provider for ask in again.asks}
    if first.verdict.state is EndState.FOUND:
        assert again.verdict is not None
        assert (again.asks, again.verdict.phone) == ([], first.verdict.phone)


# ---------------------------------------------------------------- lost answers, by policy


def policies_of(scripts: Sequence[Sequence[Reply]], policies: Sequence[OnUnknown]) -> Plan:
    """All providers of a world, each under its policy."""
    return Plan(
        [
            Candidate(name, on_unknown=policy)
            for name, policy in zip(world_of(scripts), policies, strict=False)
        ]
    )


policies = st.lists(st.sampled_from(OnUnknown), min_size=len(PROVIDERS), max_size=len(PROVIDERS))
lossy: st.SearchStrategy[Reply] = st.one_of(st.just(Unknown("timed out")), replies)
lossy_worlds = st.lists(st.lists(lossy, max_size=8), max_size=len(PROVIDERS))
runs = st.lists(lossy_worlds, min_size=1, max_size=3)


def search_on(
    worlds_by_run: Sequence[Sequence[Sequence[Reply]]], of: Sequence[OnUnknown]
) -> dict[str, list[Answered]]:
    """The answers by provider of some searches one after the other, each knowing of those before.

    Of each number the ledger keeps what came last.
    """
    told: dict[str, list[Answered]] = {name: [] for name in PROVIDERS}
    ledger: dict[tuple[int, str], Answered] = {}
    for scripts in worlds_by_run:
        history = [ledger[key] for key in sorted(ledger)]
        plan = policies_of(scripts, of)
        lost = {(each.provider, each.n) for each in history if isinstance(each.outcome, Unknown)}
        done = Search(world_of(scripts), lost=lost).run(Waterfall(plan, history))
        assert done.verdict is not None
        for event in done.answered:
            told[event.provider].append(event)
            ledger[event.n, event.provider] = event
    return told


def may_be_charged(outcome: Outcome) -> bool:
    """Whether the question left, and may be on the bill."""
    return isinstance(outcome, Hit | Miss | Unknown)


@given(runs, policies)
def test_what_may_have_been_charged_is_asked_again_only_as_its_policy_allows(
    worlds_by_run: list[list[list[Reply]]], of: list[OnUnknown]
) -> None:
    """In any number of searches: ASSUME and RECALL charge once, RETRY twice at most, REPEAT under one key."""
    told = search_on(worlds_by_run, of)
    for name, policy in zip(PROVIDERS, of, strict=True):
        paid = [event for event in told[name] if may_be_charged(event.outcome)]
        keys = {event.n for event in paid}
        match policy:
            case OnUnknown.ASSUME | OnUnknown.RECALL:
                assert len(paid) <= 1
            case OnUnknown.RETRY:
                assert len(paid) <= 2
                assert len(keys) == len(paid)
                assert not paid[1:] or isinstance(paid[0].outcome, Unknown)
            case OnUnknown.REPEAT:
                assert len(keys) <= 1
                assert all(isinstance(event.outcome, Unknown) for event in paid[:-1])


@given(lossy_worlds, policies)
def test_a_lost_answer_never_looks_like_no_number(scripts: list[list[Reply]], of: list[OnUnknown]) -> None:
    """Under every policy: whoever's last word is a doubt has prevented "not found"."""
    done = Search(world_of(scripts)).run(Waterfall(policies_of(scripts, of)))
    assert done.verdict is not None
    last = {event.provider: event.outcome for event in done.answered}
    doubtful = {name for name, outcome in last.items() if isinstance(outcome, Unknown)}
    if done.verdict.state is not EndState.FOUND:
        assert doubtful <= {refusal.provider for refusal in done.verdict.unasked if refusal.prevents}
        assert not doubtful or done.verdict.state is EndState.INCOMPLETE


@given(lossy_worlds, policies)
def test_no_policy_asks_without_end(scripts: list[list[Reply]], of: list[OnUnknown]) -> None:
    """A provider is asked at most as often as it has tries, not counting what was no try."""
    done = Search(world_of(scripts)).run(Waterfall(policies_of(scripts, of)))
    for name in world_of(scripts):
        tries = [
            event
            for event in done.answered
            if event.provider == name and not (isinstance(event.outcome, NotSent) and event.outcome.late)
        ]
        assert len(tries) <= TRIES
