"""Webhook signatures: the SDK's own check, and what it leaves open: times to come, odd headers, no secret."""

from collections.abc import Sequence

from payment_service.application.ports import Clock
from payment_service.domain.errors import BadSignature

_TOLERANCE_SECONDS = 300


class StripeSignatures:
    """Several secrets hold at once while one is being replaced; without any, nothing is let in."""

    def __init__(self, secrets: Sequence[str], now: Clock) -> None:
        import stripe

        self._secrets, self._now = tuple(secrets), now
        self._verify = stripe.WebhookSignature.verify_header
        self._failures = (stripe.SignatureVerificationError, TypeError, ValueError)

    def __call__(self, body: bytes, header: str) -> None:
        """Raise BadSignature unless one of the secrets signed these bytes within five minutes of now."""
        if not any(self._signed(body, header, secret) for secret in self._secrets) or self._is_ahead(header):
            raise BadSignature

    def _signed(self, body: bytes, header: str, secret: str) -> bool:
        try:
            self._verify(body, header, secret, _TOLERANCE_SECONDS)
        except self._failures:
            return False
        return True

    def _is_ahead(self, header: str) -> bool:
        """Tell whether the timestamp of a verified header lies in the future; the first one is the one that counts."""
        stated = next(int(part[2:]) for part in header.split(",") if part.startswith("t="))
        return stated > self._now().timestamp() + _TOLERANCE_SECONDS
