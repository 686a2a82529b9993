"""The books on disk: JSON lines, appended before anything that they tell has an effect."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from leadgen_simulator.books import Call
from leadgen_simulator.idempotency import Kept


class UnreadableBooks(Exception):
    """The file is not one that this world can go on with."""


class BooksFile:
    """One file, written without a buffer: what is in it survives a kill of the simulator."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn_bytes = 0
        self._file = path.open("a+b", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, take: Callable[[Mapping[str, Any]], None]) -> None:
        """Hands on what earlier runs wrote; a last line that was not finished is cut off and counted."""
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n"):
                    self.torn_bytes = len(raw)
                    self._file.truncate(file.tell() - len(raw))
                    return
                try:
                    take(json.loads(raw))
                except (ValueError, LookupError, TypeError, AttributeError) as exc:
                    raise UnreadableBooks(f"line {number} of {self.path} is no line of these books") from exc

    def write(self, kind: str, **content: object) -> None:
        """Appends a line of any kind."""
        self._file.write(_line({"type": kind, "wall_ns": time.time_ns(), **content}))

    def write_call(self, seq: int, call: Call, kept: Kept | None) -> None:
        """Appends one call, and what its reference keeps."""
        line: dict[str, object] = {
            "type": "call",
            "seq": seq,
            "wall_ns": call.wall_ns,
            "monotonic_ns": call.at_ns,
            "provider": call.provider,
            "question": call.question,
            "reference": call.reference,
            "status": call.status,
            "outcome": call.outcome,
            "fault": call.fault,
            "second_shape": call.second_shape,
            "charged": call.charged is not None,
            "charged_micros": call.charged or 0,
        }
        if kept is not None:
            line["kept"] = {
                "fingerprint": kept.fingerprint,
                "status": kept.status,
                "body": kept.body.decode(),
            }
        self._file.write(_line(line))


def call_of(line: Mapping[str, Any]) -> tuple[Call, Kept | None]:
    """The call of a line that this program wrote, and what its reference keeps."""
    charged = line["charged"]
    call = Call(
        line["monotonic_ns"],
        line["wall_ns"],
        line["provider"],
        line["question"],
        line["reference"],
        line["status"],
        line["outcome"],
        line["fault"],
        line["second_shape"],
        line["charged_micros"] if charged else None,
    )
    kept = line.get("kept")
    if kept is None:
        return call, None
    return call, Kept(kept["fingerprint"], kept["status"], kept["body"].encode(), charged)


def _line(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
