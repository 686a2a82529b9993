"""The truth: seeded, stable, and only numbers that ring nowhere."""

import ast
from pathlib import Path

import phonenumbers
import pytest

import leadgen_simulator
from leadgen_simulator.phones import every_number
from tests.simulator.harness import PROVIDERS, Json, Simulator, instant, person


def truths(world: Simulator, count: int = 40) -> list[Json]:
    """What the world knows about the first people."""
    return [world.truth(person(number)) for number in range(count)]


def test_same_seed_same_truth(world: Simulator) -> None:
    """Two processes with one seed agree about everybody; another seed is another world."""
    with instant("--seed", "7") as twin, instant("--seed", "8") as stranger:
        assert truths(twin) == truths(world) != truths(stranger)


def test_order_does_not_matter(world: Simulator) -> None:
    """The answers are the same whether people are asked about forwards or backwards."""
    people = [person(number) for number in range(30)]
    with instant("--seed", "7") as other:
        forwards = [[world.ask(name, body).json() for name in PROVIDERS] for body in people]
        backwards = [[other.ask(name, body).json() for name in PROVIDERS] for body in reversed(people)]
    assert forwards == backwards[::-1]


def test_identity_ignores_spelling(world: Simulator) -> None:
    """Case and spacing of a name, and case of an e-mail, do not make another person."""
    body = person(3)
    loud = {**body, "fullName": "  PAT  doe 3", "email": body["email"].upper(), "jobTitle": "Cook"}
    loud["companyWebsite"] = body["companyWebsite"].upper()
    assert world.truth(loud) == world.truth(body)


def test_identity_tells_people_apart(world: Simulator) -> None:
    """Another website is another question to Orion and none to the others."""
    bodies = [{**person(3), "companyWebsite": f"firm{number}.com"} for number in range(40)]
    found = [world.truth(body) for body in bodies]
    assert len({str(one["orion"]) for one in found}) > 5
    assert len({str(one["astra"]) for one in found}) == len({str(one["nimbus"]) for one in found}) == 1


def test_hit_rates(world: Simulator) -> None:
    """The share of hits is near the provider's rate; the flag moves it to all or none."""
    found = truths(world, 400)
    for provider, rate in (("orion", 0.45), ("astra", 0.35), ("nimbus", 0.50)):
        assert sum(one[provider]["hit"] for one in found) / 400 == pytest.approx(rate, abs=0.08)
    with instant("--hits", "orion=1", "--hits", "astra=0") as extreme:
        found = truths(extreme)
        assert all(one["orion"]["hit"] and not one["astra"]["hit"] for one in found)


@pytest.mark.parametrize(
    ("domain", "country"), [("example.com", "US"), ("co.uk", "GB"), ("fr", "FR"), ("de", "US")]
)
def test_country_follows_the_domain(world: Simulator, domain: str, country: str) -> None:
    """A person lives where the top-level domain says, and the number is valid there."""
    for provider in PROVIDERS:
        truth = world.truth(next(world.people(provider, hit=True, domain=domain)))[provider]
        assert truth["country"] == country
        assert phonenumbers.is_valid_number(phonenumbers.parse(truth["national"], country))


@pytest.mark.parametrize("country", ["US", "GB", "FR"])
def test_every_number_is_valid(country: str) -> None:
    """Every number of a country has ten digits, is valid there, and survives being a JSON number."""
    numbers = every_number(country)
    for text in numbers[:: max(1, len(numbers) // 2000)]:
        number = phonenumbers.parse(text, country)
        assert len(text) == 10
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.region_code_for_number(number) == country
        assert phonenumbers.parse(str(int(text)), country) == number


def test_truth_is_free_and_unseen(world: Simulator) -> None:
    """Asking for the truth is no call; people without what a provider needs are no hits."""
    before = world.books()["totals"]
    assert world.truth({}) == {name: {"hit": False} for name in PROVIDERS}
    assert world.client.post("/truth", content=b"[]").status_code == 400
    assert world.books()["totals"] == before


def test_an_oracle_shares_no_code() -> None:
    """The package imports the standard library, aiohttp, uvloop and itself."""
    for path in Path(leadgen_simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"leadgen", "phonenumbers", "pydantic"}, (
                path.name
            )
