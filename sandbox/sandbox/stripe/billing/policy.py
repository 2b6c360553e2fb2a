"""What the account does about payments that keep failing; set through the control routes, kept with the state."""

from dataclasses import asdict, dataclass
from typing import Literal, get_args

import orjson

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.store import Store

AfterLastRetry = Literal["cancel", "unpaid", "past_due"]
_SETTING = "billing_policy"
_MOST_RETRIES, _LONGEST_WAIT_DAYS = 8, 60


@dataclass(frozen=True, slots=True)
class Policy:
    """`retry_days`: days from each failed attempt to the next; `after_last_retry`: what the subscription becomes."""

    retry_days: tuple[int, ...] = (3, 5, 7)
    after_last_retry: AfterLastRetry = "cancel"

    def body(self) -> JsonObject:
        return asdict(self)


def policy_of(store: Store) -> Policy:
    kept = store.setting(_SETTING)
    return _read(orjson.loads(kept), Policy()) if kept else Policy()


def set_policy(store: Store, wanted: object) -> Policy:
    """Keep a policy; what is not given stays. Raises ValueError for one that makes no sense."""
    if not isinstance(wanted, dict) or wanted.keys() - {"retry_days", "after_last_retry"}:
        raise ValueError('Give {"retry_days": [days, …], "after_last_retry": "cancel" | "unpaid" | "past_due"}.')
    policy = _read(wanted, policy_of(store))
    store.set_setting(_SETTING, orjson.dumps(policy.body()).decode())
    return policy


def _read(wanted: JsonObject, old: Policy) -> Policy:
    days, after = wanted.get("retry_days", old.retry_days), wanted.get("after_last_retry", old.after_last_retry)
    if after not in get_args(AfterLastRetry):
        raise ValueError("after_last_retry is cancel, unpaid or past_due.")
    if not isinstance(days, (list, tuple)) or len(days) > _MOST_RETRIES or not all(_is_wait(day) for day in days):
        raise ValueError(
            f"retry_days holds up to {_MOST_RETRIES} numbers of days, each from 1 to {_LONGEST_WAIT_DAYS}."
        )
    return Policy(tuple(days), after)


def _is_wait(day: object) -> bool:
    return isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= _LONGEST_WAIT_DAYS
