"""Case files over a real database, with everything outside scripted."""

from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.rate_limit import local_limits
from common_service.testing import ready
from services.story_service.tests.worlds import NOON, Clock, CountedWork, KnownSubscriptions, WordModerator, a_plan
from story_service.api.cases.routes import CaseUseCases
from story_service.api.problems import FACES
from story_service.domain.access import Access, Limit
from story_service.infrastructure.cases.work import SqlCaseWork
from story_service.settings import Settings
from story_service.wiring.cases import CasePorts, routers, wire_cases

CASES = "/story/v1/cases"
WISH = {"title": "The Quay Affair", "summary": "A fire, and who was near it.", "truth_mode": "documented"}


class CountedCaseWork(CountedWork, SqlCaseWork):
    """One that fakes of the network can see open."""


def with_room(room: int | None) -> Access:
    plan = a_plan()
    return replace(plan, limits={**plan.limits, "cases.own": Limit(room, "total")})


@dataclass
class CaseWorld:
    """The rooms of case files."""

    database: Database
    moderator: WordModerator = field(default_factory=WordModerator)
    subscriptions: KnownSubscriptions = field(default_factory=lambda: KnownSubscriptions(with_room(5)))
    clock: Clock = field(default_factory=lambda: Clock(NOON))
    rates: dict[str, str] = field(default_factory=dict)

    def work(self) -> CountedCaseWork:
        return CountedCaseWork(self.database)

    @property
    def use(self) -> CaseUseCases:
        return wire_cases(CasePorts(self.work, self.subscriptions, self.moderator, self.clock))

    def app(self, issuer: TestIssuer) -> FastAPI:
        limits = local_limits(Settings.default_rates | self.rates)
        routes = routers(self.use, issuer.callers({}), Cursors("a secret of the tests"), limits)
        return create_service_app(title="cases", prefix="/story", routers=routes, problems=FACES, ready=ready)


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def posted(http: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str = "k") -> httpx2.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": key})
