"""Takes in a webhook: verified, stored once with the request to sync its customer, answered. The work comes later."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payment_service.application.ports import Clock
from payment_service.application.sync_ports import CountWebhook, ReceivedEvent, VerifySignature, WebhookInbox
from payment_service.domain.errors import BadSignature, EventMalformed
from payment_service.domain.reversal import ReversalKind

_ACTED_ON = (
    "customer.subscription.",
    "customer.deleted",
    "invoice.",
    "checkout.session.",
    "charge.dispute.",
    "charge.refund",
    "refund.",
)
_LOOKUPS: dict[str, ReversalKind] = {"dispute": "dispute", "refund": "refund"}
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class ReceiveWebhook:
    """Raises BadSignature, EventMalformed.

    `livemode`: which of the provider's two worlds this deployment is in. `api_version`: the one that it reads. An event
    of another version is acted on, since nothing but the customer's name is taken from it, and is told apart.
    """

    verify: VerifySignature
    parse: Callable[[bytes], Any]
    inbox: WebhookInbox
    now: Clock
    livemode: bool
    api_version: str
    count: CountWebhook

    async def __call__(self, body: bytes, signature: str) -> None:
        """Make the event durable."""
        try:
            self.verify(body, signature)
            event = self._event(self.parse(body), body)
            await self.inbox.put(event, self.now())
        except BadSignature:
            self.count("refused", "bad signature")
            raise
        except (ValueError, TypeError, KeyError, OverflowError, EventMalformed):
            self.count("refused", "malformed")
            raise EventMalformed from None
        self.count("ignored" if event.is_ignored else "received", event.reason or "")

    def _event(self, document: Any, body: bytes) -> ReceivedEvent:
        """Read the few fields that are used. Raises ValueError, TypeError, KeyError, OverflowError for no event."""
        subject = document["data"]["object"]
        if not isinstance(subject, dict):
            raise TypeError
        kind, (sync_key, lookup) = _name(document["type"]), _whose(subject)
        if type(document["livemode"]) is not bool or type(document["created"]) is not int:
            raise TypeError
        ignored = self._why_ignored(document, kind, sync_key)
        api_version = _optional_name(document.get("api_version"))
        return ReceivedEvent(
            id=_name(document["id"]),
            type=kind,
            api_version=api_version,
            livemode=document["livemode"],
            object_id=_optional_name(subject.get("id")),
            sync_key=sync_key,
            created_at=datetime.fromtimestamp(document["created"], UTC),
            payload=body,
            sha256=hashlib.sha256(body).digest(),
            lookup=lookup,
            is_ignored=ignored is not None,
            reason=ignored or (None if api_version == self.api_version else "other api version"),
        )

    def _why_ignored(self, document: Mapping[str, Any], kind: str, sync_key: str | None) -> str | None:
        if document["livemode"] is not self.livemode:
            return "other livemode"
        if document.get("account") is not None:
            return "other account"
        if not kind.startswith(_ACTED_ON):
            return "type not acted on"
        return None if sync_key else "no customer"


def _whose(subject: Mapping[str, Any]) -> tuple[str | None, ReversalKind | None]:
    """Return the customer; or, of what names none, the object to look up and its kind."""
    kind = subject.get("object")
    if kind == "customer":
        return _optional_name(subject.get("id")), None
    customer = subject.get("customer")
    if customer is not None:
        return _name(customer["id"] if isinstance(customer, dict) else customer), None
    lookup = _LOOKUPS.get(kind) if isinstance(kind, str) else None
    return (_optional_name(subject.get("id")), lookup) if lookup else (None, None)


def _optional_name(value: Any) -> str | None:
    return None if value is None else _name(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError("not a name")
    return value
