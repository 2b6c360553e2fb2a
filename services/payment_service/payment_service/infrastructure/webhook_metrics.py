"""How many webhooks came, what became of them, and why: what alerts are made from."""

from prometheus_client import CollectorRegistry, Counter


class WebhookMetrics:
    """Counts what the endpoint did, by outcome and reason; both come from a short list of our own words."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "payment_webhooks", "Webhooks by what became of them.", ("outcome", "reason"), registry=registry
        )

    def __call__(self, outcome: str, reason: str) -> None:
        """Count one."""
        self._received.labels(outcome, reason).inc()


class ErasureMetrics:
    """Counts bills that were paid by people who had left, and were given back."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._given_back = Counter(
            "payment_given_back", "Bills paid after their owner left, and refunded.", registry=registry
        )

    def __call__(self, _invoice_id: str, _amount: int) -> None:
        """Count one."""
        self._given_back.inc()


class SyncMetrics:
    """Counts customer syncs that were not done, by reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failed = Counter(
            "payment_syncs_failed", "Customer syncs put off or given up.", ("why",), registry=registry
        )

    def __call__(self, reason: str) -> None:
        """Count one."""
        self._failed.labels(reason).inc()
