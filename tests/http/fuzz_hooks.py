"""Gives Schemathesis ids that there are: made-up ones meet nothing but 404. See `fuzz.real_ids`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import schemathesis
from schemathesis import HookContext

_IDS: dict[str, list[str]] = json.loads(Path("ids.json").read_text("utf-8"))
_MADE_UP_EVERY = 4


@schemathesis.hook
def map_path_parameters(
    context: HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """A real id for most made-up ones, drawn from the made-up one: the same case stays the same.

    What an operation deletes is of no use to others: it has ids of its own.
    """
    if path_parameters is None or context.operation is None:
        return path_parameters
    for name in set(path_parameters) & set(_IDS):
        known = _IDS[name]
        is_deleted = context.operation.method.lower() == "delete"
        mine = known[len(known) // 4 :] if is_deleted else known[: len(known) // 4]
        chance = crc32(str(path_parameters[name]).encode())
        if chance % _MADE_UP_EVERY:
            path_parameters[name] = mine[chance % len(mine)]
    return path_parameters
