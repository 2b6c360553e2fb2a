"""`RATE_LIMITS` of `make run`: one JSON object for the platform, of which each service gets its own rules."""

import orjson

from sandbox.runner.catalogue import SERVICES
from sandbox.servers.errors import CannotStart

_EXAMPLE = '{"story.create_story": "30/minute"}'


def rates_by_service(text: str | None) -> dict[str, dict[str, str]]:
    """Part the rules by the name before their dot. Raises CannotStart for what no service would read."""
    try:
        rules = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        raise CannotStart(f"RATE_LIMITS is not JSON such as {_EXAMPLE}.") from None
    if not isinstance(rules, dict) or not all(isinstance(rate, str) for rate in rules.values()):
        raise CannotStart(f"RATE_LIMITS is not an object from rules to rates such as {_EXAMPLE}.")
    parted: dict[str, dict[str, str]] = {service.name: {} for service in SERVICES}
    for rule, rate in rules.items():
        name = rule.partition(".")[0]
        if name not in parted:
            raise CannotStart(f"RATE_LIMITS: no service has a rule {rule}; rules are named as in {_EXAMPLE}.")
        parted[name][rule] = rate
    return {name: own for name, own in parted.items() if own}
