"""The moderation desk: its use cases, its routes, and what reads stories again."""

from dataclasses import dataclass

from fastapi import APIRouter

from common_auth.callers import Callers
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from story_service.api.desk.routes import DeskUseCases, desk_routes, internal_desk_routes
from story_service.application.desk.my_moderation import MyModeration
from story_service.application.desk.open_cases import OpenCases
from story_service.application.desk.ports import HumanCheck, StartDeskWork
from story_service.application.desk.recheck_stories import RecheckStories
from story_service.application.desk.review_cases import ReviewCases
from story_service.application.ports import Clock


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """What the use cases of the desk stand on."""

    start_work: StartDeskWork
    human: HumanCheck
    now: Clock
    start_reading: StartDeskWork | None = None


def wire_desk(ports: DeskPorts) -> DeskUseCases:
    """Wire the use cases."""
    start_work, now = ports.start_work, ports.now
    return DeskUseCases(
        open=OpenCases(start_work, ports.human, now, uuid7),
        mine=MyModeration(ports.start_reading or start_work, now),
        review=ReviewCases(start_work, now, uuid7),
    )


def recheck(start_work: StartDeskWork, now: Clock) -> RecheckStories:
    """Wire what the worker does."""
    return RecheckStories(start_work, now, uuid7)


def routers(use_cases: DeskUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> list[APIRouter]:
    """Return the routes of the desk."""
    return [desk_routes(use_cases, callers, cursors, limits), internal_desk_routes(use_cases, callers, cursors)]
