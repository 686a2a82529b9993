from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter
from tests.contracts.rate_limiter import RateLimiterContract


class TestInMemoryRateLimiter(RateLimiterContract):
    def build(self, clock: IClock) -> IRateLimiter:
        return InMemoryRateLimiter(clock)
