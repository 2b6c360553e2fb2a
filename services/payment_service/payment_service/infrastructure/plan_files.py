"""Plans and price maps as files say them: TOML, in which a limit is a table and nothing is guessed.

[[plan]]
code = "pro"
name = "Pro"
rank = 1
trial_days = 7

[plan.features]
"chat.access" = true
"stories.day" = { limit = 10, window = "day" }
"chats.day" = { unlimited = true, window = "day" }
"models.tier" = { config = "premium" }
"""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from payment_service.application.access_ports import PriceReading
from payment_service.domain.errors import PlansUnfit
from payment_service.domain.plans import INTERVALS, LONGEST_TRIAL, Entitlement, Plan, Window

_PRESETS = Path(__file__).with_name("presets")
_CODE, _FEATURE = re.compile(r"[a-z0-9_]{2,32}"), re.compile(r"[a-z]+(\.[a-z]+)*")
_MOST = 2**53 - 1
_PLAN_NAMES = {"code", "name", "rank", "default", "description", "trial_days", "features"}
_PRICE_NAMES = {"plan", "currency", "unit_amount", "interval"}


def presets() -> list[str]:
    """Return the names of the catalogues that ship."""
    return sorted(file.stem for file in _PRESETS.glob("*.toml"))


def read_plans(source: str) -> list[Plan]:
    """Return the plans of a preset or of a file. Raises PlansUnfit for what cannot be read or makes no sense."""
    file = _PRESETS / f"{source}.toml" if source in presets() else Path(source)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise PlansUnfit(f"There is no preset and no file {source}; presets are {', '.join(presets())}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlansUnfit(f"{source} is not TOML: {error}.") from None
    plans = document.get("plan")
    if set(document) != {"plan"} or not isinstance(plans, list) or not all(isinstance(each, dict) for each in plans):
        raise PlansUnfit(f"{source} has to hold [[plan]] tables and nothing else.")
    return [_plan(each) for each in plans]


def read_prices(texts: Mapping[str, str]) -> list[tuple[str, PriceReading]]:
    """Return which plan is sold at which price, from a price map: the provider's price id -> a JSON object.

    Raises PlansUnfit.
    """
    return [_price(price_id, text) for price_id, text in sorted(texts.items())]


def price_map_file(path: str) -> dict[str, str]:
    """Return a price map that a JSON file holds. Raises PlansUnfit."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlansUnfit(f"The price map {path} cannot be read: {type(error).__name__}.") from None
    if not isinstance(document, dict):
        raise PlansUnfit(f"The price map {path} has to be an object of price ids.")
    return {name: json.dumps(value) for name, value in document.items()}


def _plan(table: Mapping[str, Any]) -> Plan:
    code, name, rank = table.get("code"), table.get("name"), table.get("rank")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise PlansUnfit(f"A plan needs a code of small letters, digits and underscores, not {code!r}.")
    if strangers := sorted(table.keys() - _PLAN_NAMES):
        raise PlansUnfit(f"The plan {code} says {strangers[0]}, which means nothing.")
    if not isinstance(name, str) or not name.strip():
        raise PlansUnfit(f"The plan {code} needs a name.")
    if type(rank) is not int or not 0 <= rank <= 1000:
        raise PlansUnfit(f"The plan {code} needs a rank from 0 to 1000.")
    trial_days = table.get("trial_days", 0)
    if type(trial_days) is not int or not 0 <= trial_days <= LONGEST_TRIAL:
        raise PlansUnfit(f"The plan {code} needs trial_days from 0 to {LONGEST_TRIAL}.")
    features = table.get("features")
    if not isinstance(features, dict) or not features:
        raise PlansUnfit(f"The plan {code} needs features.")
    entitlements = (_entitlement(code, feature, said) for feature, said in features.items())
    return Plan(
        code=code,
        name=name,
        rank=rank,
        is_default=table.get("default", False) is True,
        is_active=True,
        description=str(table.get("description", "")),
        entitlements=tuple(sorted(entitlements, key=lambda each: each.feature)),
        trial_days=trial_days,
    )


def _entitlement(code: str, feature: str, said: Any) -> Entitlement:
    where = f"what the plan {code} says of {feature}"
    if not _FEATURE.fullmatch(feature):
        raise PlansUnfit(f"{feature!r} is no name of a feature, in the plan {code}.")
    match said:
        case bool():
            return Entitlement(feature, "flag", flag=said)
        case {"config": bool() | int() | str() as value, **rest} if not rest:
            return Entitlement(feature, "config", config=value)
        case {"unlimited": True, "window": window, **rest} if not rest and window in get_args(Window):
            return Entitlement(feature, "limit", is_unlimited=True, window=cast("Window", window))
        case {"limit": int() as limit, "window": window, **rest} if not rest and window in get_args(Window):
            if isinstance(limit, bool) or not 0 <= limit <= _MOST:
                raise PlansUnfit(f"A limit is a number from 0 on, unlike {where}.")
            return Entitlement(feature, "limit", limit=limit, window=cast("Window", window))
        case _:
            raise PlansUnfit(f"A flag, a limit with a window, or a config is needed, unlike {where}.")


def _price(price_id: str, text: str) -> tuple[str, PriceReading]:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict) or set(said) != _PRICE_NAMES:
        raise PlansUnfit(f"The price {price_id} has to say plan, currency, unit_amount and interval.")
    plan, amount, interval = said["plan"], said["unit_amount"], said["interval"]
    currency = said["currency"]
    if not isinstance(currency, str) or not re.fullmatch(r"[a-z]{3}", currency):
        raise PlansUnfit(f"The price {price_id} needs a currency of three small letters.")
    if type(amount) is not int or not 0 <= amount < 2**31 or interval not in INTERVALS or not isinstance(plan, str):
        raise PlansUnfit(f"The price {price_id} needs a plan, a whole unit_amount and an interval of month or year.")
    return plan, PriceReading(price_id, f"{plan}_{interval}", currency, amount, interval)
