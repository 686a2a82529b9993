"""Faults in the limits: the ring, its carriers, and the change from one to another."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_RING = "unit/domain/test_limits.py"
_WINDOWS = "unit/domain/test_ring_properties.py"
_REDIS = "adapters/rate_limits/test_redis.py"
_CARRIER = "adapters/rate_limits/test_carrier.py"
_CHANGES = "adapters/rate_limits/test_failover.py"

LIMITS = (
    Mutant(
        "token-bucket",
        "a bucket of N tokens instead of the N-back ring",
        "domain/limits.py",
        """\
                back = self.starts[-rule.calls]
                start = max(start, back + rule.window_micros + self.timing.validity)
""",
        """\
                interval, spent_until = (rule.window_micros + self.timing.validity) // rule.calls, 0
                for taken in self.starts:
                    spent_until = max(spent_until, taken) + interval
                start = max(start, spent_until - (rule.calls - 1) * interval)
""",
        (pytest_of(_WINDOWS, "test_no_window_ever_holds_more_than_its_rule_allows"),),
    ),
    Mutant(
        "validity-forgotten",
        "a window does not count how late a call may leave",
        "domain/limits.py",
        "back + rule.window_micros + self.timing.validity)",
        "back + rule.window_micros)",
        (pytest_of(_WINDOWS, "test_no_window_ever_holds_more_than_its_rule_allows"),),
    ),
    Mutant(
        "endless-lease",
        "a place that nobody gives back is never free again",
        "domain/limits.py",
        "        if now >= self._no_end_before:\n            self._drop_expired(now)\n",
        "",
        (pytest_of(_RING, "test_a_place_that_nobody_gives_back_is_free_when_its_lease_ends"),),
    ),
    Mutant(
        "redis-validity",
        "the same as validity-forgotten, in Redis",
        "adapters/rate_limits/admission.lua",
        "+ window + validity) end",
        "+ window) end",
        (pytest_of(_REDIS, "TestRedisRateLimiter::test_no_window_holds_more_than_its_rule[1 in 1 s]"),),
    ),
    Mutant(
        "redis-endless-lease",
        "the same as endless-lease, in Redis",
        "adapters/rate_limits/admission.lua",
        "  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))\n",
        "",
        (pytest_of(_REDIS, "TestRedisRateLimiter::test_leases_end_by_themselves"),),
    ),
    Mutant(
        "redis-retries",
        "the client of Redis sends a script again",
        "adapters/rate_limits/redis.py",
        """\
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
""",
        """\
        retry=Retry(NoBackoff(), 3),
        retry_on_timeout=True,
""",
        (pytest_of(_REDIS, "TestTrouble::test_a_hanging_server"),),
    ),
    Mutant(
        "redis-local-clock",
        "Redis goes by each worker's own clock",
        "adapters/rate_limits/redis.py",
        "reply = await self._client.evalsha(self._digest, len(keys), *keys, *arguments)",
        'local = f"local now = {round(self._clock.now().timestamp() * MICROS_PER_SECOND)}\\n"\n'
        "                reply = await self._client.eval(local + RULE, len(keys), *keys, *arguments)",
        (pytest_of(_CARRIER, "TestSteps::test_a_step_forward[redis-sqlite]"),),
    ),
    Mutant(
        "sql-local-clock",
        "SQL limits go by each worker's own clock",
        "adapters/rate_limits/sql.py",
        "now = max(await self._now(conn, self._database), ring.seen)",
        "now = max(round(self._clock.now().timestamp() * MICROS_PER_SECOND), ring.seen)",
        (pytest_of(_CARRIER, "TestSteps::test_a_step_forward[sql-sqlite]"),),
    ),
    Mutant(
        "epoch-not-raised",
        "the limits change hands without a new epoch",
        "adapters/rate_limits/board.py",
        "epoch = now // 1_000 if after is None else after + 1",
        "epoch = now // 1_000 if after is None else after",
        (pytest_of(_CHANGES, "test_a_ticket_without_intent_dies_with_its_epoch[sqlite]"),),
    ),
    Mutant(
        "fallback-without-fence",
        "without Redis each worker counts for itself",
        "adapters/rate_limits/failover.py",
        """\
        except LostCarrierError:
            return self._without_redis(credential)
        self._use(credential, key)
""",
        """\
        except LostCarrierError:
            carrier = self._carriers[Mode.MEMORY]
            try:
                given = await carrier.take(key, limits, wanted=wanted, lease_seconds=lease_seconds)
            except ColdCarrierError:
                seed = await self._board.history(
                    credential, limits, self._timing, lease_micros=round(lease_seconds * 1e6), leap=self._leap
                )
                await carrier.seed(key, limits, seed)
                given = await carrier.take(key, limits, wanted=wanted, lease_seconds=lease_seconds)
        self._use(credential, key)
""",
        (pytest_of(_CHANGES, "test_redis_dies_and_comes_back[sqlite-1]"),),
    ),
    Mutant(
        "history-forgotten",
        "a new carrier begins as if nothing had been sent",
        "adapters/rate_limits/board.py",
        "return Seed(starts=sorted(starts)[-_SEEDS_MAX:], lease_ends=[end for end in ends if end > 0])",
        "return Seed()",
        (pytest_of(_CHANGES, "test_a_second_process[sqlite]"),),
    ),
    Mutant(
        "open-calls-forgotten",
        "a new carrier knows no calls under way",
        "adapters/rate_limits/board.py",
        "lease_ends=[end for end in ends if end > 0])",
        "lease_ends=())",
        (pytest_of(_CHANGES, "test_a_change_in_the_middle_of_a_call_keeps_its_place[sqlite]"),),
    ),
)
