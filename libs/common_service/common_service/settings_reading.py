"""How a process comes by its settings, or says in a sentence why it does not start."""

import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError

from common_service.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
_EX_CONFIG = 78  # sysexits.h: something was found in an unconfigured or misconfigured state


def read_settings(kind: type[S]) -> S:
    """Return the settings of this process; raise SystemExit(78) after a line on standard error for each wrong one.

    No line holds a value: only names, and rules that values broke.
    """
    try:
        return kind()
    except ValidationError as error:
        refusals = [_sentence(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
    except SettingsError as error:  # no JSON where it should be, or AWS gave nothing: names the field or the store
        refusals = [str(error)]
    for refusal in refusals:
        sys.stderr.write(f"cannot start: {refusal}\n")
    raise SystemExit(_EX_CONFIG)


def _sentence(location: tuple[int | str, ...], rule: str) -> str:
    rule = rule.removeprefix("Value error, ")
    if not location:
        return rule
    name = str(location[0]).upper()
    return f"{name} is missing" if rule == "Field required" else f"{name}: {rule}"
