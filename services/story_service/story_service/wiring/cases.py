"""Case files: their use cases over the service's ports, and their routes."""

from dataclasses import dataclass

from fastapi import APIRouter

from common_auth.callers import Callers
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from story_service.api.cases.citation_routes import citation_routes
from story_service.api.cases.part_routes import case_part_routes
from story_service.api.cases.routes import CaseUseCases, case_routes
from story_service.application.cases.admit_case_text import AdmitCaseText
from story_service.application.cases.own_cases import OwnCases
from story_service.application.cases.ports import StartCaseWork
from story_service.application.cases.read_cases import ReadCases
from story_service.application.cases.read_citations import ReadCitations
from story_service.application.ports import Clock, Moderator, Subscriptions


@dataclass(frozen=True, slots=True)
class CasePorts:
    """What the use cases of case files stand on."""

    start_work: StartCaseWork
    subscriptions: Subscriptions
    moderator: Moderator
    now: Clock
    start_reading: StartCaseWork | None = None


def wire_cases(ports: CasePorts) -> CaseUseCases:
    """Wire the use cases."""
    start_work, now = ports.start_work, ports.now
    start_reading = ports.start_reading or start_work
    admit = AdmitCaseText(start_work, ports.moderator, now, uuid7)
    return CaseUseCases(
        read=ReadCases(start_reading),
        own=OwnCases(start_work, ports.subscriptions, admit, now, uuid7),
        citations=ReadCitations(start_reading),
        now=now,
        new_id=uuid7,
    )


def routers(use_cases: CaseUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> list[APIRouter]:
    """Return the routes of case files."""
    return [
        case_routes(use_cases, callers, cursors, limits),
        case_part_routes(use_cases, callers, limits),
        citation_routes(use_cases, callers),
    ]
