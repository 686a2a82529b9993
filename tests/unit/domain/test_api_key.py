"""API keys: how they read, and when they are good."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.api_key import ApiKey, Scope, digest_of, read_token, scopes_for, token_of
from tests.builders import ACCOUNT, NOW

ID, SECRET = "0" * 31 + "a", "b" * 64
HEX = st.text("0123456789abcdef", min_size=1)


def key(**changes: object) -> ApiKey:
    """A key that has no end."""
    values = {
        "id": ID,
        "account": ACCOUNT,
        "name": "",
        "scopes": frozenset(Scope),
        "digest": digest_of(SECRET),
    }
    return ApiKey(**{**values, "created_at": NOW, **changes})  # type: ignore[arg-type]  # a test names what matters


def test_a_token_reads_back() -> None:
    """What its holder sees has the id and the secret in it."""
    assert read_token(token_of(ID, SECRET)) == (ID, SECRET)


@given(st.text(max_size=120) | st.builds(token_of, HEX, HEX))
def test_nothing_else_reads_as_a_token(text: str) -> None:
    """Only 32 and 64 hexadecimal digits are a key."""
    read = read_token(text)
    assert read is None or (len(read[0]), len(read[1])) == (32, 64)


@pytest.mark.parametrize(
    "text", ["", "lg__", f"{token_of(ID, SECRET)}\n", token_of(ID, SECRET).upper(), "lg_é_é"]
)
def test_odd_tokens(text: str) -> None:
    """Another case, a line end or other letters make it something else."""
    assert read_token(text) is None


def test_fits() -> None:
    """Only its own secret fits, whose hash alone is kept."""
    assert key().fits(SECRET)
    assert not key().fits(SECRET[:-1] + "c")
    assert not key().fits("")
    assert SECRET not in repr(key())


@pytest.mark.parametrize(
    ("expires", "revoked", "is_valid"),
    [
        (None, None, True),
        (1, None, True),
        (0, None, False),
        (-1, None, False),
        (None, -1, False),
        (5, -1, False),
    ],
)
def test_is_valid(expires: int | None, revoked: int | None, *, is_valid: bool) -> None:
    """Until its end, which is not part of it, and until it is revoked."""
    moments = [None if each is None else NOW + timedelta(seconds=each) for each in (expires, revoked)]
    assert key(expires_at=moments[0], revoked_at=moments[1]).is_valid(NOW) == is_valid


def test_scopes_of_accounts() -> None:
    """Only the operator's keys may change what all accounts share."""
    assert scopes_for("default") == frozenset(Scope)
    assert frozenset(Scope) - scopes_for("acme") == {Scope.PROVIDERS_WRITE}
