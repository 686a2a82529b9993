"""Leads: who is the same person, and what is asked about them."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.lead import Input, Profile
from tests.builders import lead, profile

values = st.sampled_from(["", "", "one", "two"])
extras = st.dictionaries(st.sampled_from(["Notes", "Region", "Score"]), values)
profiles = st.builds(
    Profile,
    email=values,
    first_name=values,
    last_name=values,
    job_title=values,
    country_code=values,
    company_name=values,
    company_website=values,
    linkedin_url=values,
    years_in_role=values,
    phone_number=values,
    extra=extras,
)


def as_flat(of: Profile) -> dict[str, str]:
    """All values of a profile by name, the unknown columns among them."""
    known = {each.name: getattr(of, each.name) for each in dataclasses.fields(of) if each.name != "extra"}
    return {**known, **{f"extra:{name}": value for name, value in of.extra.items()}}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [("Ada", "King", "Ada King"), ("Ada", "", "Ada"), ("", "King", "King"), ("", "", "")],
)
def test_full_name(first: str, last: str, expected: str) -> None:
    """A name of which one half is known has no stray space."""
    assert Profile(first_name=first, last_name=last).full_name == expected


@pytest.mark.parametrize(
    ("website", "email", "expected"),
    [
        ("https://www.engines.example/about", "ada@lovelace.example", "engines.example"),
        ("", "ada@lovelace.example", "lovelace.example"),
        ("", "Ada@Mail.EU.Lovelace.example", "mail.eu.lovelace.example"),
        ("n/a", "ada@lovelace.example", "lovelace.example"),
        ("", "ada@gmail.com", None),
        ("", "Ada@GMail.com", None),
        ("", "not an address", None),
        ("", "", None),
    ],
)
def test_website_is_given_or_that_of_a_corporate_address(
    website: str, email: str, expected: str | None
) -> None:
    """The whole mail host stands in for a missing website; a free-mail host never does."""
    assert Profile(email=email, company_website=website).website == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            Profile(email="ada@lovelace.example"),
            Profile(email=" ADA@Lovelace.example\u200b", first_name="Ada"),
        ),
        (
            Profile(first_name="Ada", last_name="King", company_website="lovelace.example"),
            Profile(first_name="ADA", last_name="king", company_website="https://www.lovelace.example/about"),
        ),
        (
            Profile(first_name="Zoë", company_name="Lovelace Engines"),
            Profile(first_name="Zoe\u0308", company_name="LOVELACE  engines"),
        ),
    ],
)
def test_spellings_of_one_person_have_one_identity(one: Profile, other: Profile) -> None:
    """The normalised e-mail identifies a person; without one, name and company do."""
    assert one.identity is not None
    assert one.identity == other.identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Profile(email="ada@lovelace.example"), Profile(email="bob@lovelace.example")),
        (
            Profile(first_name="Ada", company_website="a.example"),
            Profile(first_name="Ada", company_website="b.example"),
        ),
        (
            Profile(first_name="Ada", company_name="Engines"),
            Profile(first_name="Bob", company_name="Engines"),
        ),
        (
            Profile(email="ada@a.example", first_name="Ada", company_website="a.example"),
            Profile(first_name="Ada", company_website="a.example"),
        ),
    ],
)
def test_different_people_have_different_identities(one: Profile, other: Profile) -> None:
    """Another address, another name or another company is another person."""
    assert one.identity != other.identity


@pytest.mark.parametrize(
    "nobody",
    [
        Profile(),
        Profile(first_name="Ada", last_name="King"),
        Profile(company_name="Lovelace Engines", company_website="lovelace.example"),
        Profile(email="not an address", first_name="Ada"),
        Profile(first_name="Ada", company_website="n/a"),
        Profile(job_title="Countess", phone_number="+12025550100"),
    ],
)
def test_without_email_or_name_with_company_nobody_is_meant(nobody: Profile) -> None:
    """Half a name, or a company alone, identifies nobody."""
    assert nobody.identity is None


def test_the_question_is_normalised() -> None:
    """Providers are asked with the bare host, the normal address and a country that exists."""
    asked = profile(email="ADA@Lovelace.example", company_website="https://www.a.example/", country_code="UK")
    question = asked.question
    assert question.email == "ada@lovelace.example"
    assert question.website == "a.example"
    assert question.full_name == "Ada King"
    assert question.country == "GB"
    assert question.inputs == frozenset(Input)


@pytest.mark.parametrize("code", ["XXX", "12", ""])
def test_a_bad_country_is_left_out_of_the_question(code: str) -> None:
    """A country that does not exist is as good as none."""
    assert profile(country_code=code).question.country is None


def test_missing_values_are_no_inputs() -> None:
    """What is empty cannot be asked with."""
    bare = Profile(email="ada@gmail.com")
    assert bare.question.inputs == {Input.EMAIL}
    assert Profile(first_name="Ada").question.inputs == {Input.FULL_NAME}
    assert Profile().question.inputs == frozenset()


@pytest.mark.parametrize(
    "spelling",
    [
        profile(email=" ADA@lovelace.example"),
        profile(first_name="ADA", last_name="KING"),
        profile(company_website="https://www.lovelace.example/"),
        profile(job_title="Engineer"),
        profile(country_code="DE"),
        profile(phone_number="+12025550100"),
        profile(extra={"Notes": "met in London"}),
    ],
)
def test_the_same_question_is_paid_for_once(spelling: Profile) -> None:
    """Spelling, and what is not asked about, do not make another question."""
    assert spelling.question.digest == profile().question.digest


@pytest.mark.parametrize(
    "other",
    [
        profile(email="bob@lovelace.example"),
        profile(email=""),
        profile(first_name="Bob"),
        profile(company_website="other.example"),
        Profile(),
    ],
)
def test_another_question_has_another_digest(other: Profile) -> None:
    """E-mail, name and website each make a question of its own."""
    assert other.question.digest != profile().question.digest


def test_the_digest_is_never_cut_short() -> None:
    """Two hundred leads have two hundred questions, each of the full length of its hash."""
    digests = {lead(number).profile.question.digest for number in range(200)}
    assert len(digests) == 200
    assert {len(digest) for digest in digests} == {64}


def test_parts_of_a_question_do_not_run_together() -> None:
    """The end of one part is not taken for the start of the next."""
    one = dataclasses.replace(profile().question, email="", full_name="a.example", website=None)
    other = dataclasses.replace(profile().question, email="", full_name=None, website="a.example")
    assert one.digest != other.digest


def test_merging_takes_what_is_newer_and_keeps_the_rest() -> None:
    """A second file adds and corrects, unknown columns included."""
    older = profile(job_title="Countess", company_name="Engines", extra={"Notes": "old", "Region": "EU"})
    newer = Profile(email="ada@lovelace.example", job_title="Analyst", extra={"Notes": "", "Score": "7"})
    merged = older.merged_with(newer)
    assert (merged.job_title, merged.company_name, merged.first_name) == ("Analyst", "Engines", "Ada")
    assert merged.extra == {"Notes": "old", "Region": "EU", "Score": "7"}


@given(older=profiles, newer=profiles)
def test_merging_never_drops_a_value_for_an_empty_one(older: Profile, newer: Profile) -> None:
    """Each value is the newer one where there is one, else the older one; no column is lost."""
    before, after, merged = as_flat(older), as_flat(newer), as_flat(older.merged_with(newer))
    assert merged == {
        name: after.get(name) or before.get(name) or "" for name in before.keys() | after.keys()
    }


@given(older=profiles, newer=profiles)
def test_merging_twice_is_merging_once(older: Profile, newer: Profile) -> None:
    """The same file imported again changes nothing, and a profile merged with itself is itself."""
    once = older.merged_with(newer)
    assert once.merged_with(newer) == once
    assert older.merged_with(older) == older
