from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter
from leadgen.domain.limits import TIMING
from tests.contracts.rate_limiter import RateLimiterContract
from tests.fakes.rate_limiter import WarmCarrier


class TestInMemoryRateLimiter(RateLimiterContract):
    def build(self, clock: IClock) -> IRateLimiter:
        return WarmCarrier(InMemoryRateLimiter(clock, TIMING), clock)
