"""`leadgen providers report` and `leadgen backtest` over a ledger, and `providers reset`."""

from __future__ import annotations

import pytest

from tests.entrypoints.program import Program


def test_report_of_nothing(program: Program) -> None:
    """An empty ledger has an empty report."""
    assert program("providers", "report", "--json").document == {"providers": []}
    assert program("providers", "report", "--segments").code == 0


def test_backtest_of_nothing(program: Program) -> None:
    """Without leads there is no verdict, and the way to one is told."""
    words = ("--order", "learned", "--strategy", "hedged", "--hedge-after", "500ms", "--grace", "100ms")
    document = program("backtest", *words, "--json").document
    assert (document["order"], document["strategy"], document["method"]) == ("learned", "hedged", None)
    assert (document["usd_per_lead"], document["seconds_per_lead"]) == (None, None)
    ended = program("backtest", "--price", "orion=0.03")
    assert ended.code == 0
    assert "--panel 1%" in ended.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("backtest", "--price", "nobody=0.03"), 1),
        (("backtest", "--price", "orion=much"), 2),
        (("backtest", "--order", "alphabet"), 2),
        (("backtest", "--strategy", "alphabet"), 2),
        (("backtest", "--strategy", "hedged", "--hedge-after", "soon"), 2),
        (("phones", "find", "--panel", "often"), 2),
        (("phones", "find", "--order", "alphabet"), 2),
        (("providers", "reset", "nobody"), 1),
    ],
)
def test_bad_words(program: Program, words: tuple[str, ...], code: int) -> None:
    """What cannot be is refused."""
    assert program(*words).code == code


def test_reset(program: Program) -> None:
    """A breaker that is closed already stays so."""
    document = program("providers", "reset", "orion", "--json").document
    assert document == {"name": "orion", "breaker": {"state": "closed"}}
