"""The panel: a small share of leads about which everybody is asked, whoever has a number.

By them any order can be judged exactly: who would have been asked, and what it would have cost.
"""

from __future__ import annotations

import math
import re
from hashlib import blake2b

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.lead import Question

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s?%")
_WHOLE = float(2**64)


def is_in_panel(share: float, job_id: str | None, question: Question | str) -> bool:
    """Whether a lead of a job belongs to its panel: chance, drawn from job and question alone."""
    if not share:
        return False
    digest = question if isinstance(question, str) else question.digest
    drawn = blake2b(f"{job_id}\x1f{digest}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") / _WHOLE < share


def share_of(text: str) -> float:
    """The share in a text such as ``1%``; raises InvalidSetting for what is none."""
    match = _PERCENT.fullmatch(text.strip())
    share = float(match[1]) / 100 if match else math.nan
    if not 0 <= share <= 1:
        raise InvalidSetting("panel", text, "a share from 0% to 100%, such as 1%")
    return share
