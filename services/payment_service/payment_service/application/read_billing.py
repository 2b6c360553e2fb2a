"""What a person bought and paid, for themselves and for an admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payment_service.application.ports import Customer, StartWork
from payment_service.application.read_access import ReadAccess
from payment_service.application.read_picture import Picture, picture_of
from payment_service.domain.access import AccessVersion
from payment_service.domain.errors import NoSubscription
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.overrides import Override
from payment_service.domain.subscription import Subscription, governing

_LATEST = 20


@dataclass(frozen=True, slots=True)
class ReadSubscription:
    """Raises NoSubscription when nothing was ever bought; an ended one is still shown."""

    start_work: StartWork

    async def __call__(self, user_id: UserId) -> Subscription:
        """Return the subscription that decides."""
        async with self.start_work() as work:
            subscription = governing(await work.subscriptions.of(user_id))
        if subscription is None:
            raise NoSubscription
        return subscription


@dataclass(frozen=True, slots=True)
class ReadInvoices:
    """Pages through the invoices of a person."""

    start_work: StartWork

    async def __call__(
        self, user_id: UserId, limit: int, before: tuple[datetime, UUID] | None
    ) -> tuple[Sequence[Invoice], bool]:
        """Return one page, youngest first, and whether there are more."""
        async with self.start_work() as work:
            found = await work.invoices.page(user_id, limit + 1, before)
        return found[:limit], len(found) > limit


@dataclass(frozen=True, slots=True)
class Billing:
    """Everything that an admin sees of a person's billing."""

    customer: Customer | None
    picture: Picture | None
    invoices: Sequence[Invoice]
    access: AccessVersion
    overrides: Sequence[Override]
    grants: Sequence[Grant]

    @property
    def subscription(self) -> Subscription | None:
        """The subscription that decides."""
        return self.picture.subscription if self.picture else None


@dataclass(frozen=True, slots=True)
class ReadBilling:
    """Answers for anybody; of somebody unknown there is just nothing to show."""

    start_work: StartWork
    read_access: ReadAccess

    async def __call__(self, user_id: UserId) -> Billing:
        """Return the whole picture."""
        async with self.start_work() as work:
            customer = await work.customers.of(user_id)
            subscription = governing(await work.subscriptions.of(user_id))
            picture = await picture_of(work, subscription) if subscription else None
            invoices = await work.invoices.page(user_id, _LATEST, None)
            overrides = await work.overrides.latest(user_id, _LATEST)
            grants = await work.grants.latest(user_id, _LATEST)
        access = await self.read_access(user_id)
        return Billing(customer, picture, invoices, access, overrides, grants)
