"""For tests of services: one application for many tests, since to assemble one costs more than most tests."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from fastapi import FastAPI

from common_service.rate_limit import RateLimits, local_limits
from common_service.rate_windows import LocalWindows, Windows

T = TypeVar("T")


class StandIn:
    """Passes each call on to whom it stands in for by then. What it has by a name is a stand-in too."""

    def __init__(self, principal: Callable[[], Any]) -> None:
        self._principal = principal

    def __getattr__(self, name: str) -> "StandIn":
        """Return a stand-in for what the principal will have by that name."""
        return StandIn(lambda: getattr(self._principal(), name))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the principal."""
        return self._principal()(*arguments, **named)


class SharedApp(Generic[T]):
    """An application that is assembled once, over stand-ins for what each test brings: its use cases, its counts."""

    def __init__(self, assemble: Callable[[T, RateLimits], FastAPI], rates: Mapping[str, str]) -> None:
        self._use_cases: T | None = None
        self._windows = LocalWindows()
        limits = local_limits(rates, cast("Windows", StandIn(lambda: self._windows)))
        self._app = assemble(cast("T", StandIn(lambda: self._use_cases)), limits)

    def over(self, use_cases: T) -> FastAPI:
        """Return it over the use cases of one test, with nobody's requests counted yet.

        What was returned for another test is the same application, and stands over these use cases from now on.
        """
        self._use_cases, self._windows = use_cases, LocalWindows()
        return self._app
