"""A market from a file: hits by country, overlap, prices and drift."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import leadgen_simulator
from leadgen_simulator import world_file
from leadgen_simulator.config import PROVIDERS, ProviderConfig, provider_defaults
from leadgen_simulator.flags import parse
from leadgen_simulator.truth import Oracle, Question
from tests.simulator.harness import UNLIMITED, instant, person

EXAMPLE = Path(leadgen_simulator.__file__).with_name("example_world.toml")
PEOPLE = 4_000


def hits(config: ProviderConfig, provider: str, domain: str, *, people_a_host: int = 1) -> list[bool]:
    """Who of many people at hosts of this domain is known to a provider."""
    oracle = Oracle(7, provider, config)
    asked = (
        Question(f"{provider} person {n}", f"firm{n // people_a_host}.example{domain}") for n in range(PEOPLE)
    )
    return [oracle.truth(question).national is not None for question in asked]


def test_the_example() -> None:
    """The file that is shipped is understood, and its rates are those of the people of each country."""
    options = parse(["--profile", "instant", "--world", str(EXAMPLE)])
    orion = options.world.providers["orion"]
    assert (orion.price_micros, orion.overlap, orion.drifts[0].after_calls) == (20_000, 0.3, 5_000)
    for domain, rate in (("", 0.80), (".uk", 0.10), (".fr", 0.12)):
        assert sum(hits(orion, "orion", domain)) / PEOPLE == pytest.approx(rate, abs=0.03)


def test_flags_go_before_the_file() -> None:
    """What a flag says of one provider holds, whatever the file says."""
    options = parse(["--price", "orion=0.5", "--world", str(EXAMPLE)])
    assert options.world.providers["orion"].price_micros == 500_000


def test_overlap() -> None:
    """With overlap, two providers know the people of the same companies more often than by chance."""
    base = replace(provider_defaults("instant", "orion"), hit_rate=0.4)
    for overlap, least, most in ((0.0, 0.13, 0.19), (0.8, 0.24, 0.40)):
        config = replace(base, overlap=overlap)
        known = zip(hits(config, "orion", ""), hits(config, "astra", ""), strict=True)
        assert least < sum(first and second for first, second in known) / PEOPLE < most
        assert sum(hits(config, "orion", "")) / PEOPLE == pytest.approx(0.4, abs=0.03)


def test_json(tmp_path: Path) -> None:
    """JSON will do as well."""
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"providers": {"astra": {"charges": "hit", "hits": 0.9}}}))
    astra = parse(["--world", str(path)]).world.providers["astra"]
    assert (astra.charges, astra.hit_rate, dict(astra.hit_rates)) == ("hit", 0.9, {})


@pytest.mark.parametrize(
    "world",
    [
        {"colour": "red"},
        {"overlap": 2},
        {"providers": {"nobody": {}}},
        {"providers": []},
        {"providers": {"orion": {"colour": "red"}}},
        {"providers": {"orion": {"price": -1}}},
        {"providers": {"orion": {"charges": "never"}}},
        {"providers": {"orion": {"hits": {"XX": 0.5}}}},
        {"providers": {"orion": {"hits": 1.5}}},
        {"drift": {}},
        {"drift": [{"provider": "orion"}]},
        {"drift": [{"provider": "orion", "country": "US", "after_calls": -1, "hits": 0.5}]},
    ],
)
def test_what_makes_no_sense(world: dict[str, object]) -> None:
    """Is refused with what is wrong."""
    providers = {name: provider_defaults("instant", name) for name in PROVIDERS}
    with pytest.raises(ValueError, match=r"."):
        world_file.apply(world, providers)


@pytest.mark.parametrize("text", ["[", "1 = ", "x = 1979-05-27"])
def test_no_world(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is none ends the program with one line and exit status 2."""
    path = tmp_path / "world.toml"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        parse(["--world", str(path)])
    assert ended.value.code == 2
    assert "--world" in capsys.readouterr().err


def test_drift(tmp_path: Path) -> None:
    """Once a provider has handled so many questions, it knows as many as the drift says, there alone."""
    path = tmp_path / "world.toml"
    path.write_text(
        "[providers.astra]\nhits = { US = 1.0, GB = 1.0 }\n"
        '[[drift]]\nprovider = "astra"\ncountry = "US"\nafter_calls = 10\nhits = 0.0\n'
    )
    with instant("--world", str(path), *UNLIMITED) as world:
        answers = [world.ask("astra", person(number)).json() for number in range(20)]
        abroad = world.ask("astra", person(1, "example.co.uk")).json()
    known = [any(value for key, value in answer.items() if "phone" in key.lower()) for answer in answers]
    assert known == [True] * 10 + [False] * 10, answers[0]
    assert any(value for key, value in abroad.items() if "phone" in key.lower())
