"""The N-back ring against a brute-force count of everything that was sent."""

from dataclasses import dataclass, field, replace
from operator import mul

from hypothesis import given, settings
from hypothesis import strategies as st

from leadgen.domain.limits import Full, Granted, Later, Limits, Ring, Rule, Timing


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    micros: int


@dataclass(frozen=True)
class Admit:
    """Somebody asks for a permission, and sends so much after its start."""

    share_of_validity: float
    lease: int


@dataclass(frozen=True)
class Release:
    """Somebody gives a lease back, perhaps one that is over."""

    index: int


@dataclass(frozen=True)
class Penalise:
    """The provider asks for a pause."""

    micros: int


@dataclass(frozen=True)
class Widen:
    """Somebody changes the cap."""

    concurrency: int


Action = Wait | Admit | Release | Penalise | Widen

units = st.shared(st.sampled_from([1, 20_000]), key="unit")
"""With the small one the gap between starts keeps the rules by itself, with the large one they do."""


def micros(least: int, most: int) -> st.SearchStrategy[int]:
    """A time; all times of a run are of one unit."""
    return st.builds(mul, st.integers(least, most), units)


rules = st.builds(Rule, calls=st.integers(1, 4), window_micros=micros(1, 60))
limits = st.builds(
    Limits, rules=st.lists(rules, min_size=1, max_size=3).map(tuple), concurrency=st.integers(1, 5)
)
roomy = st.builds(
    Limits, rules=st.lists(rules, min_size=1, max_size=3).map(tuple), concurrency=st.just(1_000)
)
timings = st.builds(Timing, lead=micros(0, 10), validity=micros(0, 15), horizon=micros(10, 200))
admits = st.builds(Admit, share_of_validity=st.sampled_from([0.0, 0.3, 1.0]), lease=micros(1, 100))
waits = st.builds(Wait, micros=micros(0, 80))
releases = st.builds(Release, index=st.integers(0, 40))
penalties = st.builds(Penalise, micros=micros(-10, 120))
steady = st.lists(admits | admits | waits | releases | penalties, min_size=5, max_size=60)
changing = st.lists(
    admits | admits | waits | releases | st.builds(Widen, concurrency=st.integers(1, 5)),
    min_size=5,
    max_size=60,
)
rush = st.lists(st.tuples(st.builds(Wait, micros=micros(0, 15)), admits), min_size=10, max_size=30).map(
    lambda pairs: [action for pair in pairs for action in pair]
)
"""Somebody asks again and again, so that every window is as full as its rule lets it be."""


@dataclass
class Run:
    """A ring at work, and an account of it that is kept apart."""

    ring: Ring
    now: int = 0
    sends: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    taken: dict[int, int] = field(default_factory=dict)
    """Until when each lease holds a place."""

    def act(self, action: Action) -> None:
        """Carries out one action."""
        match action:
            case Wait():
                self.now += action.micros
            case Release():
                self.ring.release(action.index)
                self.taken.pop(action.index, None)
            case Penalise():
                self.ring.penalise(self.now + action.micros)
            case Widen():
                self.ring.limits = replace(self.ring.limits, concurrency=action.concurrency)
            case Admit():
                self._admit(action)

    def _admit(self, action: Admit) -> None:
        admission = self.ring.admit(self.now, action.lease)
        self.taken = {lease: until for lease, until in self.taken.items() if until > self.now}
        match admission:
            case Granted():
                late = round(self.ring.timing.validity * action.share_of_validity)
                self.sends.append(admission.start + late)
                self.starts.append(admission.start)
                assert admission.lease not in self.taken
                self.taken[admission.lease] = admission.start + action.lease
                assert len(self.taken) <= self.ring.limits.concurrency
                assert self.now + self.ring.timing.lead <= admission.start <= self._reach
            case Full():
                assert len(self.taken) >= self.ring.limits.concurrency
                assert admission.until == min(self.taken.values())
            case Later():
                assert admission.start > self._reach

    @property
    def _reach(self) -> int:
        return self.now + self.ring.timing.reach(self.ring.timing.lead, self.ring.limits)


def run(of: Ring, actions: list[Action]) -> Run:
    """All actions carried out, each checked on its way."""
    done = Run(of)
    for action in actions:
        done.act(action)
    return done


def most_in_any_window(sends: list[int], window: int) -> int:
    """The most sends in any half-open window of this length, counted one by one."""
    return max((sum(begin <= each < begin + window for each in sends) for begin in sends), default=0)


@settings(max_examples=200)
@given(limits=limits | roomy, timing=timings, actions=steady | changing | rush)
def test_no_window_ever_holds_more_than_its_rule_allows(
    limits: Limits, timing: Timing, actions: list[Action]
) -> None:
    """Wherever in its validity each call is sent, every window of every rule holds at most its number."""
    done = run(Ring(limits, timing), actions)
    for rule in limits.rules:
        assert most_in_any_window(done.sends, rule.window_micros) <= rule.calls


@given(limits=limits, timing=timings, actions=steady | changing)
def test_starts_never_decrease(limits: Limits, timing: Timing, actions: list[Action]) -> None:
    """Permissions are handed out in the order of their starts, whatever becomes of the cap meanwhile."""
    done = run(Ring(limits, timing), actions)
    assert done.starts == sorted(done.starts)


@given(limits=roomy, timing=timings, actions=st.lists(admits | waits, min_size=5, max_size=60))
def test_nobody_waits_longer_than_a_rule_demands(
    limits: Limits, timing: Timing, actions: list[Action]
) -> None:
    """Each start is the earliest: as soon as a call may be sent at all, or a window after the N-th before."""
    done = Run(Ring(limits, timing))
    for action in actions:
        admitted = len(done.starts)
        done.act(action)
        for start in done.starts[admitted:]:
            back = [
                done.starts[admitted - rule.calls] + rule.window_micros + timing.validity
                for rule in limits.rules
                if admitted >= rule.calls
            ]
            paced = [before + limits.gap(timing.validity) for before in done.starts[:admitted]]
            assert start == max([done.now + timing.lead, *paced, *back])


@given(limits=limits, timing=timings, actions=steady)
def test_refusals_consume_nothing(limits: Limits, timing: Timing, actions: list[Action]) -> None:
    """A ring that was asked in vain in between gives the same permissions as one that was not."""
    asked, quiet = Ring(limits, timing), Ring(limits, timing)
    now = 0
    for action in actions:
        match action:
            case Wait():
                now += action.micros
            case Release():
                asked.release(action.index)
                quiet.release(action.index)
            case Admit():
                admission = asked.admit(now, action.lease)
                if isinstance(admission, Granted):
                    assert quiet.admit(now, action.lease) == admission
            case _:
                pass


@given(limits=limits, timing=timings, actions=steady)
def test_whoever_waits_as_told_is_admitted(limits: Limits, timing: Timing, actions: list[Action]) -> None:
    """Full ends at the time it names, and Later at the start it names: nobody waits for ever."""
    done = run(Ring(limits, timing), actions)
    now = max(done.now, 0)
    admission = done.ring.admit(now, 1)
    for _ in range(len(done.starts) + 2):
        if isinstance(admission, Granted):
            break
        now = admission.until if isinstance(admission, Full) else admission.start - timing.lead
        admission = done.ring.admit(now, 1)
    assert isinstance(admission, Granted)


@given(limits=limits, timing=timings, actions=steady)
def test_the_same_questions_get_the_same_answers(
    limits: Limits, timing: Timing, actions: list[Action]
) -> None:
    """No chance and no clock of its own: a ring can be rebuilt from what was asked."""
    one, other = run(Ring(limits, timing), actions), run(Ring(limits, timing), actions)
    assert one.ring == other.ring
