"""Starts a checkout: one open session a person, one live subscription, and no call to the provider in a transaction.

First transaction: the key is claimed and a session in state `creating` stands for what is about to happen. Then the
provider is called, under names made of our own ids. Second transaction: the session is open, the key has its answer.
Whoever dies in between leaves a row that the same key, or after half a minute any other, finishes to the same session.
"""

from dataclasses import dataclass
from datetime import timedelta

from payment_service.application.ports import (
    Attempt,
    Clock,
    Customer,
    NewId,
    PaymentGateway,
    StartWork,
    StoredAnswer,
    Work,
)
from payment_service.domain.checkout import Checkout, CheckoutOrder
from payment_service.domain.errors import (
    AccountSuspended,
    AlreadySubscribed,
    CheckoutOpen,
    CodeInvalid,
    ProviderRefused,
    ProviderUnavailable,
)
from payment_service.domain.json_text import rfc3339
from payment_service.domain.plans import Interval, Price
from payment_service.domain.return_paths import ReturnPaths
from payment_service.domain.subscription import governing

_LOCK_FOR = timedelta(seconds=30)
_UNOPENED_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks to buy; the price is the server's business."""

    plan_code: str
    interval: Interval
    return_path: str
    promo_code: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer, and whether it was given before."""

    answer: StoredAnswer
    is_replay: bool


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Raises any of `errors.py` that speaks of plans, subscriptions, checkouts, prices, paths or the provider."""

    start_work: StartWork
    gateway: PaymentGateway
    return_paths: ReturnPaths
    now: Clock
    new_id: NewId

    async def __call__(self, attempt: Attempt, wish: Wish) -> Opened:
        """Return the session that this attempt opened."""
        self.return_paths.check(wish.return_path)
        async with self.start_work() as work:
            await work.lock_user(attempt.user_id)
            if known := await work.attempts.claim(attempt, self.now(), _LOCK_FOR):
                return Opened(known, is_replay=True)
            checkout = await self._reserve(work, attempt, wish)
            await work.commit()
        try:
            opened = checkout if checkout.state == "open" else await self._open(checkout)
        except ProviderUnavailable:
            await self._let_go(attempt, None)  # it may exist: the row stays, the next attempt asks under its name
            raise
        except (ProviderRefused, CodeInvalid):
            await self._let_go(attempt, checkout)
            raise
        return await self._answer(attempt, opened)

    async def _reserve(self, work: Work, attempt: Attempt, wish: Wish) -> Checkout:
        """Return the session to create: this attempt's own, an abandoned one, or a new one."""
        if await work.standings.is_shut_out(attempt.user_id):
            raise AccountSuspended
        catalogue = await work.plans.catalogue()
        price, owned = catalogue.sold(wish.plan_code, wish.interval), await work.subscriptions.of(attempt.user_id)
        subscription = governing(owned)
        if subscription and subscription.terms.is_live:
            raise AlreadySubscribed
        unfinished = await work.checkouts.unfinished(attempt.user_id)
        if unfinished and self._still_stands(unfinished):
            mine = (unfinished.request_key, unfinished.price) == (attempt.key, price)
            if not mine and not unfinished.is_abandoned(self.now()):
                raise CheckoutOpen(unfinished.id, unfinished.url, unfinished.expires_at)
            return unfinished
        if unfinished:
            await work.checkouts.put(unfinished.closed("expired"))
        is_first = not any(each.terms.has_started for each in owned)
        checkout = self._new(attempt, wish, price, catalogue.plans[wish.plan_code].trial_days if is_first else 0)
        await work.checkouts.put(checkout)
        return checkout

    def _still_stands(self, checkout: Checkout) -> bool:
        return checkout.expires_at > self.now()

    def _new(self, attempt: Attempt, wish: Wish, price: Price, trial_days: int) -> Checkout:
        now = self.now()
        return Checkout(
            id=self.new_id(),
            user_id=attempt.user_id,
            price=price,
            return_path=wish.return_path,
            request_key=attempt.key,
            created_at=now,
            expires_at=now + _UNOPENED_LIFE,
            promo_code=wish.promo_code,
            trial_days=trial_days,
        )

    async def _open(self, checkout: Checkout) -> Checkout:
        customer = await self._customer(checkout)
        try:
            return await self._open_for(customer, checkout)
        except ProviderRefused:
            if not await self.gateway.is_deleted(customer.id):
                raise
        async with self.start_work() as work:
            await work.customers.delete(customer.id, self.now())
            await work.commit()
        return await self._open_for(await self._customer(checkout), checkout)

    async def _open_for(self, customer: Customer, checkout: Checkout) -> Checkout:
        order = CheckoutOrder(
            checkout.id,
            checkout.user_id,
            customer.id,
            checkout.price.provider_id,
            checkout.return_path,
            customer.generation,
            checkout.promo_code,
            checkout.trial_days,
        )
        return checkout.opened(await self.gateway.open_checkout(order))

    async def _customer(self, checkout: Checkout) -> Customer:
        async with self.start_work() as work:
            known = await work.customers.of(checkout.user_id)
        if known and known.deleted_at is None:
            return known
        generation = known.generation + 1 if known else 1
        customer_id = await self.gateway.create_customer(checkout.user_id, generation)
        created = Customer(checkout.user_id, customer_id, self.now(), generation)
        async with self.start_work() as work:
            standing = await work.customers.add_first(created)
            await work.commit()
        return standing

    async def _answer(self, attempt: Attempt, opened: Checkout) -> Opened:
        answer = StoredAnswer({"id": str(opened.id), "url": opened.url, "expires_at": rfc3339(opened.expires_at)})
        async with self.start_work() as work:
            await work.lock_user(opened.user_id)
            stored = await work.checkouts.get(opened.id)
            if stored and stored.state == "creating":
                await work.checkouts.put(opened)
            if opened.request_key == attempt.key:
                await work.attempts.complete(attempt, answer, opened.id)
            else:
                await work.attempts.release(attempt)
            await work.commit()
        if opened.request_key != attempt.key:  # another attempt's session, finished on its behalf
            raise CheckoutOpen(opened.id, opened.url, opened.expires_at)
        return Opened(answer, is_replay=False)

    async def _let_go(self, attempt: Attempt, refused: Checkout | None) -> None:
        async with self.start_work() as work:
            await work.lock_user(attempt.user_id)
            stored = await work.checkouts.get(refused.id) if refused else None
            if stored and stored.state == "creating":  # else somebody finished it meanwhile, and knows its page
                await work.checkouts.put(stored.closed("failed"))
            await work.attempts.release(attempt)
            await work.commit()
