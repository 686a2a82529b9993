"""What a client meets at each provider's door."""

from itertools import islice
from typing import Any

import pytest

from tests.simulator.harness import KEY, PROVIDERS, Simulator, instant, person

CALLING_CODES = {"US": "1", "GB": "44", "FR": "33"}


@pytest.mark.parametrize(("provider", "field"), [("orion", "phone"), ("astra", "phoneNmbr")])
def test_hit_is_ten_bare_digits_as_text(world: Simulator, provider: str, field: str) -> None:
    """Orion and Astra answer a hit with the true ten digits and nothing else."""
    body = next(world.people(provider, hit=True))
    answer = world.ask(provider, body)
    assert answer.status_code == 200
    assert answer.json() == {field: world.truth(body)[provider]["national"]}
    assert answer.json()[field].isdigit()
    assert len(answer.json()[field]) == 10


@pytest.mark.parametrize("domain", ["example.com", "co.uk", "fr"])
def test_nimbus_hit_is_a_json_number_with_a_country(world: Simulator, domain: str) -> None:
    """Nimbus answers the digits as a JSON number and mixes three styles of country code."""
    styles, countries = set(), set()
    for body in islice(world.people("nimbus", hit=True, domain=domain), 25):
        answer, truth = world.ask("nimbus", body).json(), world.truth(body)["nimbus"]
        assert answer["number"] == int(truth["national"])
        assert set(answer) == {"number", "countryCode"}
        styles.add(answer["countryCode"])
        countries.add(truth["country"])
    (country,) = countries
    code = CALLING_CODES[country]
    assert styles == {country, code, f"+{code}"}


def test_nimbus_second_shape() -> None:
    """With the second shape Nimbus puts the number under `phoneNmbr`."""
    with instant("--fault", "nimbus:shape=1") as world:
        body = next(world.people("nimbus", hit=True))
        answer = world.ask("nimbus", body).json()
        assert answer["phoneNmbr"] == int(world.truth(body)["nimbus"]["national"])
        assert "number" not in answer
        assert world.book("nimbus")["faults"]["shape"] == 1


@pytest.mark.parametrize(
    ("provider", "shapes"),
    [
        ("orion", [{"phone": None}, {"phone": ""}]),
        ("astra", [{"phoneNmbr": None}, {"phoneNmbr": ""}, {}]),
        ("nimbus", [{"number": 0}, {"number": None}, {"number": ""}, {}]),
    ],
)
def test_miss_shapes(world: Simulator, provider: str, shapes: list[dict[str, Any]]) -> None:
    """A miss is a 200 in every shape that the contract allows, and in no other."""
    answers = [world.ask(provider, body) for body in islice(world.people(provider, hit=False), 40)]
    assert {answer.status_code for answer in answers} == {200}
    seen = [answer.json() for answer in answers]
    assert all(shape in seen for shape in shapes)
    assert all(answer in shapes for answer in seen)


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ("orion", "companyWebsite"),
        ("orion", "fullName"),
        ("astra", "email"),
        ("nimbus", "jobTitle"),
        ("nimbus", "email"),
    ],
)
@pytest.mark.parametrize("value", ["", "  ", None, 7, "missing"])
def test_required_field(world: Simulator, provider: str, field: str, value: object) -> None:
    """A required field that is missing, empty or no text is a free 400."""
    body = {**person(1), field: value}
    if value == "missing":
        del body[field]
    before = world.book(provider)
    assert world.ask(provider, body).status_code == 400
    after = world.book(provider)
    assert after["refused"]["missing_field"] == before["refused"]["missing_field"] + 1
    assert after["charged_micros"] == before["charged_micros"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_bad_key(world: Simulator, provider: str) -> None:
    """A wrong key, or one in another provider's place, is a free 401."""
    before = world.book(provider)
    elsewhere = {"orion": "astra", "astra": "nimbus", "nimbus": "orion"}[provider]
    assert world.ask(provider, person(1), key="wrong").status_code == 401
    place: dict[str, Any] = (
        {"params": {"api": KEY}} if elsewhere == "nimbus" else {"headers": {"apiKey": KEY}}
    )
    if elsewhere == "orion":
        place = {"headers": {"x-auth-me": KEY}}
    assert world.client.post(f"/{provider}", json=person(1), **place).status_code == 401
    after = world.book(provider)
    assert after["refused"]["bad_key"] == before["refused"]["bad_key"] + 2
    assert after["charged_micros"] == before["charged_micros"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_wrong_method_and_wrong_json(world: Simulator, provider: str) -> None:
    """Another method than POST, or a body that is no JSON object, is a 400."""
    before = world.book(provider)["refused"]
    auth: dict[str, Any] = {"headers": {"x-auth-me": KEY, "apiKey": KEY}, "params": {"api": KEY}}
    assert world.client.get(f"/{provider}", **auth).status_code == 400
    for raw in (b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000):
        assert world.client.post(f"/{provider}", content=raw, **auth).status_code == 400
    after = world.book(provider)["refused"]
    assert after["bad_method"] == before["bad_method"] + 1
    assert after["bad_json"] == before["bad_json"] + 6


def test_own_key() -> None:
    """The key of the command line is the one that all three accept."""
    with instant("--key", "other") as world:
        assert [world.ask(name, person(1), key="other").status_code for name in PROVIDERS] == [200] * 3
        assert [world.ask(name, person(1)).status_code for name in PROVIDERS] == [401] * 3


def test_calls_tell_all_but_the_person(world: Simulator) -> None:
    """Each call is listed with its outcome and a digest of its question, and no personal data."""
    seq = world.books()["totals"]["calls"]
    for body in (person(1), person(1), person(2)):
        world.ask("orion", body)
    world.ask("orion", person(1), key="wrong")
    first, second, third, refused = world.calls(after=seq)
    assert first["seq"] == seq + 1
    assert first["question"] == second["question"] != third["question"]
    assert first["at"] < second["at"] < third["at"] < refused["at"]
    assert (refused["status"], refused["outcome"], refused["question"]) == (401, "bad_key", None)
    assert first["charged_micros"] == 20_000
    assert first["outcome"] in ("hit", "miss")
    assert "firm1" not in str(first)
    assert "Pat" not in str(first)
    assert world.calls(after=seq, limit=2) == [first, second]


def test_other_pages(world: Simulator) -> None:
    """The health page answers; an unknown page is a 404 that no book counts."""
    before = world.books()["totals"]["calls"]
    assert world.client.get("/healthz").json() == {"status": "ok"}
    assert world.client.get("/elsewhere").status_code == 404
    assert world.client.get("/books/calls?after=x").status_code == 400
    assert world.books()["totals"]["calls"] == before
