"""Ids of this machine: in the order in which they were made, and no two alike."""

from __future__ import annotations

import os
import time
import uuid

from leadgen.adapters.system import Uuid7Source

_COUNT = 200
"""More than one helping of randomness."""


def test_ids_are_uuids_of_version_7_in_their_order() -> None:
    """Each tells the millisecond in which it was made, and sorts behind those before it."""
    source, before = Uuid7Source(), time.time_ns() // 1_000_000
    ids = [source.new() for _ in range(_COUNT)]
    after = time.time_ns() // 1_000_000

    read = [uuid.UUID(each) for each in ids]
    assert {(each.version, each.variant) for each in read} == {(7, uuid.RFC_4122)}
    assert [str(each) for each in read] == ids
    assert ids == sorted(set(ids))
    assert all(before <= each.int >> 80 <= after for each in read)


def test_a_forked_process_goes_on_with_other_ids() -> None:
    """What its parent had at hand is not given out twice."""
    source = Uuid7Source()
    source.new()
    theirs, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, " ".join(source.new() for _ in range(10)).encode())
        os._exit(0)
    os.close(told)
    ours = {source.new()[-20:] for _ in range(10)}
    with os.fdopen(theirs) as reader:
        given = reader.read().split()
    os.waitpid(child, 0)
    assert len(given) == 10
    assert not ours & {each[-20:] for each in given}
