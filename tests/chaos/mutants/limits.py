"""Faults in the limits: the ring, its carriers, and the change from one to another."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_RING = pytest_of("tests/unit/domain/test_limits.py", "tests/unit/domain/test_ring_properties.py")
_REDIS = pytest_of("tests/adapters/rate_limits/test_redis.py")
_CARRIER = pytest_of("tests/adapters/rate_limits/test_carrier.py", "-k", "not postgresql")
_CHANGES = pytest_of(
    "tests/adapters/rate_limits/test_failover.py",
    "-k",
    "sqlite and (second_process or without_intent or middle_of_a_call or comes_back)",
)

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
        (_RING,),
    ),
    Mutant(
        "validity-forgotten",
        "a window does not count how late a call may leave",
        "domain/limits.py",
        "back + rule.window_micros + self.timing.validity)",
        "back + rule.window_micros)",
        (_RING,),
    ),
    Mutant(
        "endless-lease",
        "a place that nobody gives back is never free again",
        "domain/limits.py",
        "        self._drop_expired(now)\n",
        "",
        (_RING,),
    ),
    Mutant(
        "redis-validity",
        "the same as validity-forgotten, in Redis",
        "adapters/rate_limits/admission.lua",
        "+ window + validity) end",
        "+ window) end",
        (_REDIS,),
    ),
    Mutant(
        "redis-endless-lease",
        "the same as endless-lease, in Redis",
        "adapters/rate_limits/admission.lua",
        "  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))\n",
        "",
        (_REDIS,),
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
        (_REDIS,),
    ),
    Mutant(
        "redis-local-clock",
        "Redis goes by each worker's own clock",
        "adapters/rate_limits/redis.py",
        "reply = await self._client.evalsha(self._digest, len(keys), *keys, *arguments)",
        'local = f"local now = {round(self._clock.now().timestamp() * MICROS_PER_SECOND)}\\n"\n'
        "                reply = await self._client.eval(local + RULE, len(keys), *keys, *arguments)",
        (_CARRIER,),
    ),
    Mutant(
        "sql-local-clock",
        "SQL limits go by each worker's own clock",
        "adapters/rate_limits/sql.py",
        "now = max(await self._now(conn, self._database), ring.seen)",
        "now = max(round(self._clock.now().timestamp() * MICROS_PER_SECOND), ring.seen)",
        (_CARRIER,),
    ),
    Mutant(
        "epoch-not-raised",
        "the limits change hands without a new epoch",
        "adapters/rate_limits/board.py",
        "epoch = now // 1_000 if after is None else after + 1",
        "epoch = now // 1_000 if after is None else after",
        (_CHANGES,),
    ),
    Mutant(
        "fallback-without-fence",
        "without Redis each worker counts for itself",
        "adapters/rate_limits/failover.py",
        """\
        except LostCarrierError:
            return self._without_redis(credential)
        self._limits[credential] = limits
""",
        """\
        except LostCarrierError:
            carrier = self._carriers[Mode.MEMORY]
            if credential not in self._limits:
                return self._without_redis(credential)
            await carrier.seed(key, limits, await self._board.history(
                credential, limits, self._timing, lease_micros=round(lease_seconds * 1e6), leap=self._leap
            ))
            given = await carrier.take(key, limits, wanted=wanted, lease_seconds=lease_seconds)
        self._limits[credential] = limits
""",
        (_CHANGES,),
    ),
    Mutant(
        "history-forgotten",
        "a new carrier begins as if nothing had been sent",
        "adapters/rate_limits/board.py",
        "return Seed(starts=sorted(starts)[-_SEEDS_MAX:], lease_ends=[end for end in ends if end > 0])",
        "return Seed()",
        (_CHANGES,),
    ),
    Mutant(
        "open-calls-forgotten",
        "a new carrier knows no calls under way",
        "adapters/rate_limits/board.py",
        "lease_ends=[end for end in ends if end > 0])",
        "lease_ends=())",
        (_CHANGES,),
    ),
)
