"""Why this service says no. Each leaf is one fact; its face stands in `api/problems.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID


class Refusal(Exception):
    """A request that makes sense and still is not granted."""


class PlanUnknown(Refusal):
    """Nobody sells that."""

    def __init__(self) -> None:
        super().__init__("There is no such plan to subscribe to.")


class CodeInvalid(Refusal):
    """No such promotion code, or not for this person, or not now: which of these is not told."""

    def __init__(self) -> None:
        super().__init__("The promotion code cannot be used.")


class ReturnPathNotAllowed(Refusal):
    """An address that would lead out of the house."""

    def __init__(self) -> None:
        super().__init__("The return path is not one of ours.")


class AccountSuspended(Refusal):
    """Nothing is sold to somebody whom the house has shut out, or who leaves."""

    def __init__(self) -> None:
        super().__init__("The account is suspended.")


class AlreadySubscribed(Refusal):
    """One live subscription a person."""

    def __init__(self) -> None:
        super().__init__("There is a subscription already.")


class CheckoutOpen(Refusal):
    """One open checkout a person; `url` is missing while another call still creates it."""

    def __init__(self, checkout_id: UUID, url: str | None, expires_at: datetime) -> None:
        super().__init__("A checkout is open already; finish that one.")
        self.id, self.url, self.expires_at = checkout_id, url, expires_at
        self.action: dict[str, Any] | None = {"type": "checkout", "href": url} if url else None
        self.retry_after = None if url else 1


class NoSubscription(Refusal):
    """Nothing was ever bought."""

    def __init__(self) -> None:
        super().__init__("There is no subscription.")


class NoCustomer(Refusal):
    """The provider has never heard of this person."""

    def __init__(self) -> None:
        super().__init__("There is nothing to manage yet: subscribe first.")


class CheckoutNotFound(Refusal):
    """No such checkout, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such checkout session.")


class ProviderUnavailable(Refusal):
    """The payment provider does not answer, or not now; whether it did something is unknown."""

    def __init__(self) -> None:
        super().__init__("The payment provider does not answer right now.")


class ProviderRefused(Refusal):
    """The payment provider will not do what we ask, now or later; `code` is its word for why."""

    def __init__(self, code: str) -> None:
        super().__init__("The payment provider refused.")
        self.code = code


class PricesNotLoaded(Refusal):
    """The plan is sold, but its prices have not been fetched from the provider yet."""

    def __init__(self) -> None:
        super().__init__("Prices are being loaded; try again in a moment.")


class BadSignature(Refusal):
    """A webhook that the provider did not sign, or not lately."""

    def __init__(self) -> None:
        super().__init__("The signature does not hold.")


class EventMalformed(Refusal):
    """A signed body that is no event."""

    def __init__(self) -> None:
        super().__init__("The body is not an event.")


class ExpiryRequired(Refusal):
    """Nothing is given or taken for ever."""

    def __init__(self) -> None:
        super().__init__("Say when it ends.")


class ExpiryTooFar(Refusal):
    """What ends in years is for ever."""

    def __init__(self) -> None:
        super().__init__("It may last 366 days at the most.")


class ExpiryInPast(Refusal):
    """It would be over before it began."""

    def __init__(self) -> None:
        super().__init__("It has to end after its start, and after now.")


class FeatureUnknown(Refusal):
    """No plan speaks of such a feature."""

    def __init__(self) -> None:
        super().__init__("There is no such feature.")


class MeterUnknown(Refusal):
    """Units of something that nobody counts."""

    def __init__(self) -> None:
        super().__init__("There is no such meter.")


class OverrideUnfit(Refusal):
    """An effect that says nothing about this feature."""


class OverrideNotFound(Refusal):
    """No such override."""

    def __init__(self) -> None:
        super().__init__("There is no such override.")


class GrantNotFound(Refusal):
    """No such grant."""

    def __init__(self) -> None:
        super().__init__("There is no such grant.")


class AlreadyRevoked(Refusal):
    """It has been ended before its time already."""

    def __init__(self) -> None:
        super().__init__("The override is revoked already.")


class AlreadyVoided(Refusal):
    """It has been taken back already."""

    def __init__(self) -> None:
        super().__init__("The grant is voided already.")


class AlreadyGranted(Refusal):
    """The same referral, ticket or reward pays once."""

    def __init__(self) -> None:
        super().__init__("There is a grant for this source_ref already.")


class HistoryNotYet(Refusal):
    """Nobody knows what a person may do tomorrow."""

    def __init__(self) -> None:
        super().__init__("The instant lies in the future.")


class PlanNotFound(Refusal):
    """No such plan, sold or once sold."""

    def __init__(self) -> None:
        super().__init__("There is no such plan.")


class PlansUnfit(Refusal):
    """Plans that contradict themselves or each other; the sentence says where."""


class VersionStale(Refusal):
    """Somebody else was faster."""

    def __init__(self) -> None:
        super().__init__("It has changed since you looked.")


class WebhookNotFound(Refusal):
    """No such webhook was ever stored."""

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class RunNotFound(Refusal):
    """No such run was asked for."""

    def __init__(self) -> None:
        super().__init__("There is no such reconciliation.")


class SyncImpossible(Exception):
    """A customer that cannot be brought up to date: not a caller's concern, kept with its `reason` and tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
