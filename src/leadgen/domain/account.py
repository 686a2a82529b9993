"""An account: whose leads, whose jobs and whose money."""

from __future__ import annotations

import re

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.tier import Tier
from leadgen.domain.value import value

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@value(frozen=True, slots=True)
class Account:
    """An account by its name."""

    name: str
    tier: Tier


def parse_account_name(text: str) -> str:
    """The name of a new account: at most 64 bytes, which is what Temporal takes as a fairness key.

    Raises InvalidSetting.
    """
    if not _NAME.fullmatch(text):
        expected = "up to 64 of a-z, 0-9, '.', '_' and '-', a letter or a digit first"
        raise InvalidSetting("NAME", text, expected)
    return text
