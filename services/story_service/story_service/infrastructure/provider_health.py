"""How the providers are doing, as this process saw it: a circuit breaker and a budget of retries for each."""

import time
from collections import defaultdict
from collections.abc import Callable

from common_service.breaker import CircuitBreaker, RetryBudget


class ProviderHealth:
    """Remembers each provider's last calls."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(lambda: CircuitBreaker(monotonic))
        self._budgets: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)

    def allows(self, provider: str) -> bool:
        """Tell whether it may be called now; of one that is left alone, every few seconds by one."""
        return self._breakers[provider].allows()

    def record(self, provider: str, *, succeeded: bool) -> None:
        """Note how a call ended."""
        self._breakers[provider].record(succeeded=succeeded)
        self._budgets[provider].call()

    def may_retry(self, provider: str) -> bool:
        """Tell whether a call that failed may be made again."""
        return not self._breakers[provider].is_open and self._budgets[provider].take()
