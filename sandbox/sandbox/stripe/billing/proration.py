"""Proration to the second, in whole cents: what is left of what was charged, and what the rest will cost."""

from dataclasses import dataclass

from sandbox.stripe.errors import JsonObject


@dataclass(frozen=True, slots=True)
class Debit:
    """What an item was charged for a span of time, after discounts: the base of any credit."""

    amount: int
    start: int
    end: int

    def body(self) -> JsonObject:
        return {"amount": self.amount, "start": self.start, "end": self.end}

    def unused(self, at: int) -> int:
        """The part of the amount that lies after `at`."""
        return share(self.amount, self.end - max(at, self.start), self.end - self.start)


def share(amount: int, part: int, whole: int) -> int:
    """`amount` x `part` / `whole`, rounded half away from zero; nothing of an empty or past span."""
    if whole <= 0 or part <= 0:
        return 0
    rounded = (2 * abs(amount) * min(part, whole) + whole) // (2 * whole)
    return rounded if amount >= 0 else -rounded


def debit_of(private: JsonObject, item_id: str) -> Debit | None:
    """What an item of a subscription was last charged, from what the stand-in remembers of the subscription."""
    kept = private.get("debits", {}).get(item_id)
    return Debit(kept["amount"], kept["start"], kept["end"]) if kept else None
