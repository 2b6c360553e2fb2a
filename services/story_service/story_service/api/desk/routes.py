"""Reports, requests from outside, what was decided about a reader, appeals; and the queue for reviewers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SERVICE, SIGNED_IN
from common_auth.callers import Callers, Person, ServiceCaller
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.desk.schemas import (
    AppealIn,
    DecisionIn,
    KindName,
    ModerationCaseOut,
    MyModerationOut,
    ReportIn,
    RulingOut,
    StateName,
    StrikesOut,
    TakedownIn,
    TicketOut,
)
from story_service.api.problems import ANY_READER, ANY_SERVICE, FACES
from story_service.api.schemas import Wire
from story_service.application.attempts import AttemptKey
from story_service.application.cases.own_cases import Answer
from story_service.application.desk.my_moderation import MyModeration
from story_service.application.desk.open_cases import OpenCases
from story_service.application.desk.ports import Queue
from story_service.application.desk.review_cases import ReviewCases
from story_service.domain.desk import errors
from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase
from story_service.domain.ids import DecisionId, UserId

_ONCE = (IdempotencyKeyReused, IdempotencyInProgress)
_REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
_MINE, _QUEUE = "my moderation", "moderation queue"
_ASSIGNED = (errors.ModerationCaseUnknown, errors.AlreadyResolved, errors.SameReviewer)
_DECIDED = (*_ASSIGNED, *_ONCE, errors.NotAssigned, errors.VerdictUnfit, errors.ReasonRequired)


@dataclass(frozen=True, slots=True)
class DeskUseCases:
    """What the routes can do."""

    open: OpenCases
    mine: MyModeration
    review: ReviewCases


def desk_routes(use_cases: DeskUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes of readers, and the one that needs no account."""
    router = APIRouter(prefix="/story/v1", tags=["moderation"])
    signed_in = Depends(callers.reader)

    @router.post(
        "/takedown-requests",
        status_code=202,
        dependencies=[limits.per_address("story.request_takedown_address")],
        response_model=TicketOut,
        responses=limited(
            {
                202: {"description": "Accepted; a person decides by `due_at`.", "headers": _REPLAYED},
                **FACES.responses(*_ONCE, errors.NotHuman, errors.TargetUnknown, RateLimited),
            },
            202,
        ),
    )
    async def request_takedown(body: TakedownIn, key: IdempotencyKey) -> Response:
        """Ask for something to be taken down: for victims, families and whoever has a right. Needs no account."""
        attempt = AttemptKey(key, request_hash(body.model_dump()))
        return _answered(await use_cases.open.request_takedown(body.request(), attempt, _ticket), TicketOut, 202)

    @router.post(
        "/reports",
        status_code=201,
        dependencies=[SIGNED_IN, limits.per_user("story.report_content", callers.reader)],
        response_model=TicketOut,
        responses=limited(
            {
                201: {"headers": _REPLAYED},
                **_responses(*_ONCE, errors.TargetUnknown, errors.AlreadyReported, RateLimited),
            },
            201,
        ),
    )
    async def report_content(reader: Annotated[Person, signed_in], body: ReportIn, key: IdempotencyKey) -> Response:
        """Report something that others wrote. A person decides by `due_at`."""
        attempt = AttemptKey(key, request_hash(body.model_dump()))
        answer = await use_cases.open.report(UserId(reader.user_id), body.report(), attempt, _ticket)
        return _answered(answer, TicketOut, 201)

    _add_own(router, use_cases, callers, cursors)
    return router


def _add_own(router: APIRouter, use_cases: DeskUseCases, callers: Callers, cursors: Cursors) -> None:
    signed_in = Depends(callers.reader)

    @router.get("/me/moderation", dependencies=[SIGNED_IN], responses=_responses(BadCursor))
    async def read_my_moderation(
        reader: Annotated[Person, signed_in], limit: Limit = 20, cursor: Cursor = None
    ) -> MyModerationOut:
        """Read what was decided about one's texts and why, where appeals stand, and how many strikes count."""
        before = _position(cursors.read(cursor, of=_MINE))
        rulings, strikes = await use_cases.mine(UserId(reader.user_id), before=before, most=limit + 1)
        last = rulings[limit - 1].decision if len(rulings) > limit else None
        following = _place(cursors, last.decided_at, last.id, _MINE) if last else None
        items = [RulingOut.of(ruling) for ruling in rulings[:limit]]
        return MyModerationOut(items=items, next_cursor=following, strikes=StrikesOut.of(list(strikes)))

    @router.post(
        "/moderation-decisions/{decision_id:uuid}/appeals",
        status_code=201,
        dependencies=[SIGNED_IN],
        responses=_responses(errors.DecisionUnknown, errors.AlreadyAppealed, errors.WindowClosed),
    )
    async def appeal_decision(reader: Annotated[Person, signed_in], decision_id: UUID, body: AppealIn) -> TicketOut:
        """Appeal against a decision about oneself, once. Somebody else than before decides."""
        case = await use_cases.open.appeal(UserId(reader.user_id), DecisionId(decision_id), body.statement)
        return TicketOut.of(case)


def internal_desk_routes(use_cases: DeskUseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes of reviewers, who act through admin_service."""
    router = APIRouter(prefix="/internal/v1/moderation/cases", tags=["internal"], dependencies=[SERVICE])
    reads = Depends(callers.service("story/moderate", acting="moderation.read"))
    writes = Depends(callers.service("story/moderate", acting="moderation.write"))

    @router.get("", dependencies=[reads], responses=_internal(BadCursor))
    async def list_moderation_cases(
        kind: KindName | None = None,
        state: Annotated[StateName | None, Query(description="Open and in review, unless named.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ModerationCaseOut]:
        """List the queue, what is due first."""
        name = f"{_QUEUE} {kind or '-'} {state or '-'}"
        states = (CaseState(state),) if state else ()
        after = _position(cursors.read(cursor, of=name))
        found = await use_cases.review.queue(Queue(CaseKind(kind) if kind else None, states, after, limit + 1))
        last = found[limit - 1] if len(found) > limit else None
        following = _place(cursors, last.due_at, last.id, name) if last else None
        return Page(items=[ModerationCaseOut.of(case) for case in found[:limit]], next_cursor=following)

    @router.post("/{case_id:uuid}/assign", responses=_internal(*_ASSIGNED, errors.AlreadyAssigned))
    async def assign_moderation_case(caller: Annotated[ServiceCaller, writes], case_id: UUID) -> ModerationCaseOut:
        """Take a case: it is decided by who took it. An appeal is not taken by who decided before."""
        return ModerationCaseOut.of(await use_cases.review.assign(case_id, _reviewer(caller)))

    @router.post(
        "/{case_id:uuid}/decision",
        response_model=ModerationCaseOut,
        responses={200: {"headers": _REPLAYED}, **_internal(*_DECIDED)},
    )
    async def decide_moderation_case(
        caller: Annotated[ServiceCaller, writes], case_id: UUID, body: DecisionIn, key: IdempotencyKey
    ) -> Response:
        """Decide a case that one has taken; what follows from it happens at once."""
        attempt = AttemptKey(key, request_hash(body.model_dump()))
        answer = await use_cases.review.decide(case_id, _reviewer(caller), body.decided(), attempt, _whole)
        return _answered(answer, ModerationCaseOut, 200)

    return router


def _reviewer(caller: ServiceCaller) -> UserId:
    assert caller.actor is not None, "the route demands an admin behind the call"
    return UserId(caller.actor.user_id)


def _ticket(case: ModerationCase) -> dict[str, Any]:
    return TicketOut.of(case).model_dump(mode="json")


def _whole(case: ModerationCase) -> dict[str, Any]:
    return ModerationCaseOut.of(case).model_dump(mode="json")


def _answered(answer: Answer, kind: type[Wire], status: int) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(kind.model_validate(answer.body).model_dump_json(), status, headers, "application/json")


def _place(cursors: Cursors, at: datetime, item_id: UUID, of: str) -> str:
    return cursors.make({"at": at.isoformat(), "id": str(item_id)}, of=of)


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None


def _responses(*kinds: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *kinds)


def _internal(*kinds: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_SERVICE, *kinds)
