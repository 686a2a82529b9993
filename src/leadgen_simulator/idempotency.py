"""What is kept under the references of calls: for the same key again, and for look-ups."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from leadgen_simulator.replies import Reply

HEADER = "Idempotency-Key"
RECORDS_KEPT = 200_000
KEPT_NS = 24 * 3600 * 1_000_000_000

_REFERENCE = re.compile(r"[\x21-\x7e]{1,255}")


def valid(reference: str) -> bool:
    """Whether it is 1 to 255 visible ASCII characters."""
    return _REFERENCE.fullmatch(reference) is not None


def fingerprint(body: Mapping[str, object]) -> str:
    """What tells one body from another; spacing and the order of keys do not."""
    return blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """The outcome of a call that was executed: what the same key gets again."""

    fingerprint: str
    status: int
    body: bytes
    charged: bool

    @property
    def answered(self) -> bool:
        """Whether it is an answer and no failure."""
        return self.status == 200


@dataclass(slots=True)
class Record:
    """One call under its reference; without `kept` and no longer running, it is as if it had not come."""

    fingerprint: str
    wall_ns: int
    running: bool = True
    kept: Kept | None = None
    earlier: "Record | None" = None

    def keep(self, kept: Kept | None) -> None:
        """Takes the outcome, which outshines that of any earlier call."""
        self.kept = kept
        if kept is not None:
            self.earlier = None


class References:
    """The records of one provider, the youngest last; they are kept for 24 hours, and only so many."""

    def __init__(self, most: int = RECORDS_KEPT) -> None:
        self._most = most
        self._records: dict[str, Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def find(self, reference: str, now_ns: int) -> Record | None:
        """The newest call under this reference that runs or was executed."""
        record = self._records.get(reference)
        while record is not None and not record.running and record.kept is None:
            record = record.earlier
        return None if record is None or now_ns - record.wall_ns > KEPT_NS else record

    def claim(self, reference: str, mark: str, now_ns: int) -> Record:
        """A record of a call that runs from now on."""
        record = Record(mark, now_ns, earlier=self.find(reference, now_ns))
        self._put(reference, record)
        return record

    def restore(self, reference: str, wall_ns: int, kept: Kept) -> None:
        """A call of an earlier run."""
        self._put(reference, Record(kept.fingerprint, wall_ns, running=False, kept=kept))

    def _put(self, reference: str, record: Record) -> None:
        self._records.pop(reference, None)
        self._records[reference] = record
        while len(self._records) > self._most or record.wall_ns - self._oldest.wall_ns > KEPT_NS:
            del self._records[next(iter(self._records))]

    @property
    def _oldest(self) -> Record:
        return next(iter(self._records.values()))


def replayed(kept: Kept) -> Reply:
    """The outcome as it is given again."""
    return Reply(kept.status, {"Content-Type": "application/json", "Idempotent-Replayed": "true"}, kept.body)
