"""Takes in a webhook: verified, stored once with the request to sync its customer, answered. The work comes later."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payment_service.application.ports import Clock, ReceivedEvent, VerifySignature, WebhookInbox
from payment_service.domain.errors import EventMalformed

_ACTED_ON = ("customer.subscription.", "invoice.", "checkout.session.")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class ReceiveWebhook:
    """Raises BadSignature, EventMalformed. `livemode`: which of the provider's two worlds this deployment is in."""

    verify: VerifySignature
    parse: Callable[[bytes], Any]
    inbox: WebhookInbox
    now: Clock
    livemode: bool

    async def __call__(self, body: bytes, signature: str) -> None:
        """Make the event durable."""
        self.verify(body, signature)
        try:
            event = _event(self.parse(body), body, livemode=self.livemode)
        except (ValueError, TypeError, KeyError, OverflowError):
            raise EventMalformed from None
        await self.inbox.put(event, self.now())


def _event(document: Any, body: bytes, *, livemode: bool) -> ReceivedEvent:
    """Read the few fields that are used. Raises ValueError, TypeError, KeyError, OverflowError for what is no event."""
    subject = document["data"]["object"]
    if not isinstance(subject, dict):
        raise TypeError
    kind, customer_id = _name(document["type"]), _customer(subject)
    if type(document["livemode"]) is not bool or type(document["created"]) is not int:
        raise TypeError
    return ReceivedEvent(
        id=_name(document["id"]),
        type=kind,
        api_version=_optional_name(document.get("api_version")),
        livemode=document["livemode"],
        object_id=_optional_name(subject.get("id")),
        customer_id=customer_id,
        created_at=datetime.fromtimestamp(document["created"], UTC),
        payload=body,
        sha256=hashlib.sha256(body).digest(),
        ignored=_why_ignored(kind, customer_id, same_world=document["livemode"] is livemode),
    )


def _why_ignored(kind: str, customer_id: str | None, *, same_world: bool) -> str | None:
    if not same_world:
        return "other livemode"
    if not kind.startswith(_ACTED_ON):
        return "type not acted on"
    return None if customer_id else "no customer"


def _customer(subject: Mapping[str, Any]) -> str | None:
    customer = subject.get("customer")
    return _optional_name(customer["id"] if isinstance(customer, dict) else customer)


def _optional_name(value: Any) -> str | None:
    return None if value is None else _name(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError("not a name")
    return value
