"""Errors say in one line what to do."""

import pytest

from leadgen.domain.errors import (
    InvalidInput,
    InvalidSetting,
    LeadgenError,
    NotConfigured,
    ServiceUnavailable,
    UnknownId,
    UnreadableFile,
)

EVERY_KIND = [
    ServiceUnavailable("Redis", "127.0.0.1:6379", "start it, or unset REDIS_URL"),
    InvalidInput("nothing to do"),
    InvalidSetting("rate", "fast", "calls per window, such as 5/1s"),
    UnreadableFile("leads.csv", "it has no header"),
    UnknownId("job", "42"),
    NotConfigured("DATABASE_URL is missing"),
]


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_an_error_is_one_line_for_a_person(error: LeadgenError) -> None:
    """All are caught as one kind and read as one line."""
    assert isinstance(error, LeadgenError)
    assert len(str(error).splitlines()) == 1


def test_errors_carry_their_facts() -> None:
    """A caller needs no look into the text."""
    unavailable = ServiceUnavailable("Redis", "127.0.0.1:6379", "start it")
    assert (unavailable.service, unavailable.address, unavailable.remedy) == (
        "Redis",
        "127.0.0.1:6379",
        "start it",
    )
    setting = InvalidSetting("rate", "fast", "5/1s")
    assert (setting.setting, setting.expected) == ("rate", "5/1s")
    file = UnreadableFile("leads.csv", "it has no header")
    assert (file.path, file.problem) == ("leads.csv", "it has no header")
    unknown = UnknownId("job", "42")
    assert (unknown.kind, unknown.given) == ("job", "42")


@pytest.mark.parametrize("kind", [InvalidSetting, UnreadableFile])
def test_input_errors_are_caught_as_one(kind: type[LeadgenError]) -> None:
    """Bad usage is one branch of the tree, whatever was wrong."""
    assert issubclass(kind, InvalidInput)
    assert not issubclass(ServiceUnavailable, InvalidInput)
