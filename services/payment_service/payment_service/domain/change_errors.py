"""Why a running subscription is not changed, ended or resumed."""

from typing import Any

from payment_service.domain.errors import Refusal


class NoLiveSubscription(Refusal):
    """Nothing runs that could be changed or ended."""

    def __init__(self) -> None:
        super().__init__("There is no running subscription.")


class SamePlan(Refusal):
    """What is wished for is there already."""

    def __init__(self) -> None:
        super().__init__("The subscription is on this plan and interval already.")


class ChangePending(Refusal):
    """One change at a time: the earlier one has not come yet."""

    def __init__(self, action: dict[str, Any] | None) -> None:
        super().__init__("Another change is pending; withdraw it first.")
        self.action = action


class NoChangePending(Refusal):
    """Nothing to withdraw."""

    def __init__(self) -> None:
        super().__init__("No change is pending.")


class SubscriptionEnding(Refusal):
    """It will not be there to be changed."""

    def __init__(self) -> None:
        super().__init__("The subscription ends; resume it first.")


class NotCancelling(Refusal):
    """Nothing to take back."""

    def __init__(self) -> None:
        super().__init__("The subscription does not end.")


class PaymentIncomplete(Refusal):
    """The first payment waits for its owner."""

    def __init__(self, action: dict[str, Any]) -> None:
        super().__init__("The first payment is not finished.")
        self.action = action


class PaymentOverdue(Refusal):
    """What is owed comes before what is wished for."""

    def __init__(self, action: dict[str, Any]) -> None:
        super().__init__("A payment is overdue; settle it first.")
        self.action = action


class SubscriptionInactive(Refusal):
    """Paused at the provider, or in a state that nobody knows."""

    def __init__(self) -> None:
        super().__init__("The subscription is paused.")


class PaymentActionRequired(Refusal):
    """The change comes when its owner has paid or authenticated; until then the old plan goes on."""

    def __init__(self, action: dict[str, Any]) -> None:
        super().__init__("The payment needs you: the change comes once it is paid.")
        self.action = action


class ProrationStale(Refusal):
    """A moment that the caller has not just been quoted for would change what is charged."""

    def __init__(self) -> None:
        super().__init__("The preview is too old; ask for another one.")
