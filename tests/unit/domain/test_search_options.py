"""How a search is chosen: words in, options out."""

from datetime import timedelta

import pytest

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.phone import WantedLine
from leadgen.domain.search_options import AS_USUAL, SearchOptions, Strategy, read_options, words_of


def test_no_words_are_the_usual_way() -> None:
    """One provider after the other, any number, answers of before count."""
    assert read_options() == SearchOptions()
    assert SearchOptions().stagger is None
    assert not SearchOptions().needs_track_records


def test_all_words() -> None:
    """Every choice arrives."""
    options = read_options(
        strategy="Hedged", hedge_after="1.5s", grace="0ms", line="mobile", max_price="0.05", fresh=True
    )
    assert options == SearchOptions(Strategy.HEDGED, 1.5, 0.0, WantedLine.MOBILE, 50_000, fresh=True)


@pytest.mark.parametrize(
    ("words", "stagger", "needs_records"),
    [
        ({"strategy": "parallel"}, timedelta(), False),
        ({"strategy": "hedged"}, timedelta(milliseconds=500), True),
        ({"strategy": "hedged", "hedge_after": "p95"}, timedelta(milliseconds=500), True),
        ({"strategy": "hedged", "hedge_after": "300ms"}, timedelta(milliseconds=300), False),
        ({"max_price": "0.05"}, None, False),
        ({"max_price": "0.05", "line": "mobile"}, None, True),
    ],
)
def test_when_the_next_is_asked(
    words: dict[str, str], stagger: timedelta | None, needs_records: bool
) -> None:
    """Never, after a while, or at once; a provider's pace, and the lines of its numbers, are looked up."""
    options = read_options(**words)  # type: ignore[arg-type]
    assert (options.stagger, options.needs_track_records) == (stagger, needs_records)


@pytest.mark.parametrize(
    "words",
    [
        {"strategy": "fast"},
        {"hedge_after": "500"},
        {"hedge_after": "p99"},
        {"hedge_after": "301s"},
        {"grace": "-1s"},
        {"line": "fax"},
        {"max_price": "cheap"},
    ],
    ids=lambda words: "=".join(*words.items()),
)
def test_wrong_words(words: dict[str, str]) -> None:
    """Are told in the name of the option, with what would do."""
    with pytest.raises(InvalidSetting) as error:
        read_options(**words)  # type: ignore[arg-type]
    assert error.value.setting == next(iter(words)).replace("_", "-")


@pytest.mark.parametrize(
    "options",
    [
        AS_USUAL,
        SearchOptions(Strategy.HEDGED, 0.35, 0.0, WantedLine.MOBILE, 50_000, fresh=True),
        SearchOptions(Strategy.PARALLEL, 300.0, 0.001, max_price_micros=1),
    ],
)
def test_words_of_options(options: SearchOptions) -> None:
    """Options that were written down read as the same options."""
    assert read_options(**words_of(options)) == options  # type: ignore[arg-type]  # each has its word's type
