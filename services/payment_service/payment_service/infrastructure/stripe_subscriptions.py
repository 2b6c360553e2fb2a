"""Running subscriptions at Stripe: foreseen, changed, ended, resumed."""

from collections.abc import Callable
from typing import Any

import structlog

from payment_service.domain.changes import Bill, BillLine, ChangeOrder, RunningSubscription
from payment_service.domain.errors import ProviderRefused
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.stripe_calls import StripeCalls
from payment_service.infrastructure.stripe_readings import Json, reference_id, subscription_reading, time_of

log = structlog.get_logger("stripe")
_EXPANDED = ["latest_invoice", "schedule"]
_UNREADABLE = (KeyError, TypeError, ValueError, IndexError)


class StripeSubscriptions:
    """One account's subscriptions."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls, self._v1, self._pages = calls, calls.client.v1, calls.pages

    async def running(self, subscription_id: str) -> RunningSubscription | None:
        """Read one as it is this moment, None where there is none."""
        params: Any = {"expand": _EXPANDED}
        body = await self._calls.ask_about(lambda: _json(self._v1.subscriptions.retrieve(subscription_id, params)))
        return self._read(body) if body else None

    async def foresee(self, order: ChangeOrder) -> Bill:
        """Return the bill that a change would lead to: the one of today, or for a later change the one of that day."""
        behaviour = "always_invoice" if order.effect == "now" else "none"
        details = {"items": _items(order), "proration_behavior": behaviour, **_moment(order)}
        params: Any = {"subscription": order.running.terms.provider_id, "subscription_details": details}
        body = await self._calls.ask(lambda: _json(self._v1.invoices.create_preview(params)))
        try:
            return _bill(body)
        except _UNREADABLE as error:
            raise _unreadable(error) from None

    async def change_now(self, order: ChangeOrder, name: str) -> RunningSubscription:
        """Bill and change at once; where the payment does not go through, the change waits for it."""
        await self._release(order.running, name)
        asked = {
            "items": _items(order),
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
            **_moment(order),
        }
        return await self._update(order.running, asked, f"{name}:now")

    async def change_later(self, order: ChangeOrder, name: str) -> None:
        """Put a phase with the new price behind the running one; a schedule that is there already is used."""
        terms = order.running.terms
        assert terms.period_end is not None, "a running subscription has a period"
        end, schedules = int(terms.period_end.timestamp()), self._v1.subscription_schedules

        def attach() -> Json:
            if terms.schedule_id:
                return _json(schedules.retrieve(terms.schedule_id))
            return _json(schedules.create({"from_subscription": terms.provider_id}, _named(f"{name}:schedule")))

        schedule = await self._calls.ask(attach)
        running = {"price": order.running.reading.price_id, "quantity": 1}
        coming = {"price": order.price.provider_id, "quantity": 1}
        lasts = {"interval": order.price.interval, "interval_count": 1}
        start = schedule["current_phase"]["start_date"]
        phases: Any = [
            {"items": [running], "start_date": start, "end_date": end, "proration_behavior": "none"},
            {"items": [coming], "duration": lasts, "proration_behavior": "none"},
        ]
        params: Any = {"phases": phases, "end_behavior": "release"}
        await self._calls.ask(lambda: _json(schedules.update(schedule["id"], params, _named(f"{name}:phases"))))

    async def withdraw(self, running: RunningSubscription, name: str) -> None:
        """Release the schedule, or void the bill that the change waits for."""
        invoice_id = running.terms.latest_invoice_id
        if running.terms.waits_for_payment and invoice_id:
            await self._calls.ask(lambda: _json(self._v1.invoices.void_invoice(invoice_id, {}, _named(f"{name}:void"))))
        else:
            await self._release(running, name)

    async def end(self, running: RunningSubscription, reason: str | None, name: str) -> RunningSubscription:
        """End it with its period; one whose first payment is not finished ends at once, and costs nothing."""
        details: Any = {"cancellation_details": {"comment": reason}} if reason else {}
        if running.terms.status is not ProviderStatus.INCOMPLETE:
            return await self._update(running, {"cancel_at_period_end": True, **details}, f"{name}:end")
        params: Any = {"expand": _EXPANDED, **details}
        name_of_it = running.terms.provider_id
        return await self._changed(lambda: self._v1.subscriptions.cancel(name_of_it, params, _named(f"{name}:end")))

    async def end_now(self, subscription_id: str, name: str) -> None:
        """End it at once, with nothing billed and nothing given back; one that has ended stays ended."""
        cancel = self._v1.subscriptions.cancel
        await self._calls.ask_about(lambda: _json(cancel(subscription_id, {}, _named(name))))

    async def go_on(self, running: RunningSubscription, name: str) -> RunningSubscription:
        """Take back that it ends, however that was said."""
        asked = {"cancel_at_period_end": False} if running.terms.cancel_at_period_end else {"cancel_at": ""}
        return await self._update(running, asked, f"{name}:resume")

    async def _release(self, running: RunningSubscription, name: str) -> None:
        """Free the subscription of its schedule, which would forbid other changes."""
        if schedule_id := running.terms.schedule_id:
            named = _named(f"{name}:release")
            await self._calls.ask(lambda: _json(self._v1.subscription_schedules.release(schedule_id, {}, named)))

    async def _update(self, running: RunningSubscription, asked: dict[str, Any], name: str) -> RunningSubscription:
        params: Any = {**asked, "expand": _EXPANDED}
        subscriptions, provider_id = self._v1.subscriptions, running.terms.provider_id
        return await self._changed(lambda: subscriptions.update(provider_id, params, _named(name)))

    async def _changed(self, ask: Callable[[], Any]) -> RunningSubscription:
        return self._read(await self._calls.ask(lambda: _json(ask())))

    def _read(self, body: Json) -> RunningSubscription:
        try:
            invoice: Any = body.get("latest_invoice")
            is_open = isinstance(invoice, dict) and invoice["status"] == "open"
            url = self._pages.page(invoice["hosted_invoice_url"]) if is_open else None
            return RunningSubscription(subscription_reading(body), body["items"]["data"][0]["id"], url)
        except _UNREADABLE as error:
            raise _unreadable(error) from None


def _items(order: ChangeOrder) -> list[dict[str, str]]:
    return [{"id": order.running.item_id, "price": order.price.provider_id}]


def _moment(order: ChangeOrder) -> dict[str, int]:
    return {"proration_date": int(order.proration_at.timestamp())} if order.proration_at else {}


def _bill(body: Json) -> Bill:
    return Bill(
        currency=body["currency"],
        subtotal=body["subtotal"],
        total=body["total"],
        balance=body["starting_balance"],
        amount_due=body["amount_due"],
        lines=tuple(_line(line) for line in body["lines"]["data"]),
    )


def _line(body: Json) -> BillLine:
    details = (body.get("parent") or {}).get("subscription_item_details") or {}
    period = body["period"]
    return BillLine(
        description=body["description"] or reference_id(body["id"]) or "",
        amount=body["amount"],
        period_start=time_of(period["start"]),
        period_end=time_of(period["end"]),
        is_proration=details.get("proration") is True,
    )


def _json(answer: Any) -> Json:
    body: Json = answer.to_dict()
    return body


def _named(name: str) -> Any:
    return {"idempotency_key": name}


def _unreadable(error: Exception) -> ProviderRefused:
    log.warning("unreadable answer", reason=repr(error))
    return ProviderRefused("unreadable answer")
