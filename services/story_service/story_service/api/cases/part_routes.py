"""What is in a case file: sources, facts, persons."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.idempotency import IdempotencyKey, request_hash
from common_service.rate_limit import RateLimits
from story_service.api.cases.routes import ADMITTED, ONCE, OWNED, REPLAYED, CaseUseCases, created, written
from story_service.api.cases.schemas import FactIn, FactPatch, PersonIn, PersonPatch, SourceIn
from story_service.api.cases.views import FactOut, PersonOut, SourceOut
from story_service.api.schemas import Wire
from story_service.application.attempts import AttemptKey
from story_service.application.cases.own_cases import Attempt
from story_service.application.cases.ports import Document
from story_service.domain.cases import errors as refusals
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.changes import with_fact, with_person, with_source, without_source
from story_service.domain.ids import UserId

_ADDED = (*OWNED, *ADMITTED, *ONCE, refusals.CaseFull)
_FOUNDED = (refusals.ReferenceUnknown, refusals.SourceRequired)
_GUARDED = (
    refusals.MinorMustBeProtected,
    refusals.ProtectedPersonNamed,
    refusals.VictimNotAccused,
    refusals.RealPersonInFiction,
    refusals.ConvictionSourceRequired,
    refusals.ReferenceUnknown,
)


def case_part_routes(use_cases: CaseUseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/cases/{case_id:uuid}", tags=["cases"], dependencies=[SIGNED_IN])
    _add_sources(router, use_cases, callers, limits)
    _add_facts(router, use_cases, callers, limits)
    _add_persons(router, use_cases, callers, limits)
    return router


def _add_sources(router: APIRouter, use_cases: CaseUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.post(
        "/sources",
        status_code=201,
        response_model=SourceOut,
        dependencies=[limits.per_user("story.add_source", callers.reader)],
        responses=written(201, *_ADDED, headers=REPLAYED),
    )
    async def add_source(
        reader: Annotated[Person, signed_in], case_id: UUID, body: SourceIn, key: IdempotencyKey
    ) -> Response:
        """Add a source; it gets the next number, which is never given again."""
        source = body.source(use_cases.new_id())
        attempt = _attempt(
            f"{case_id}/sources",
            key,
            body,
            lambda file: SourceOut.of(file.source(source.id), file, is_own=True).model_dump(mode="json"),
        )
        return created(
            await use_cases.own.add(
                UserId(reader.user_id),
                case_id,
                lambda file: with_source(file, source, use_cases.now()),
                body.words,
                attempt,
            ),
            SourceOut,
        )

    @router.delete(
        "/sources/{source_id:uuid}",
        status_code=204,
        dependencies=[limits.per_user("story.delete_source", callers.reader)],
        responses=written(204, *OWNED, refusals.SourceUnknown, refusals.SourceCited),
    )
    async def delete_source(reader: Annotated[Person, signed_in], case_id: UUID, source_id: UUID) -> None:
        """Take a source out. One that facts cite stays as retracted; in a documented case so do facts without another.

        409 where somebody's conviction rests on it.
        """
        await use_cases.own.take_out(
            UserId(reader.user_id), case_id, lambda file: without_source(file, source_id, use_cases.now())
        )


def _add_facts(router: APIRouter, use_cases: CaseUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.post(
        "/facts",
        status_code=201,
        response_model=FactOut,
        dependencies=[limits.per_user("story.add_fact", callers.reader)],
        responses=written(201, *_ADDED, *_FOUNDED, headers=REPLAYED),
    )
    async def add_fact(
        reader: Annotated[Person, signed_in], case_id: UUID, body: FactIn, key: IdempotencyKey
    ) -> Response:
        """Add a fact. In a documented case it needs a source that stands."""
        fact = body.fact(use_cases.new_id())
        attempt = _attempt(
            f"{case_id}/facts",
            key,
            body,
            lambda file: FactOut.of(file.fact(fact.id), file, is_own=True).model_dump(mode="json"),
        )
        return created(
            await use_cases.own.add(
                UserId(reader.user_id),
                case_id,
                lambda file: with_fact(file, fact, use_cases.now()),
                body.words,
                attempt,
            ),
            FactOut,
        )

    @router.patch(
        "/facts/{fact_id:uuid}",
        dependencies=[limits.per_user("story.edit_fact", callers.reader)],
        responses=written(200, *OWNED, *ADMITTED, *_FOUNDED, refusals.FactUnknown),
    )
    async def edit_fact(reader: Annotated[Person, signed_in], case_id: UUID, fact_id: UUID, body: FactPatch) -> FactOut:
        """Dispute, retract, reword a fact or give it other sources."""
        file = await use_cases.own.change(
            UserId(reader.user_id),
            case_id,
            lambda file: with_fact(file, body.apply(file.fact(fact_id)), use_cases.now()),
            lambda file: file.fact(fact_id).statement,
        )
        return FactOut.of(file.fact(fact_id), file, is_own=True)


def _add_persons(router: APIRouter, use_cases: CaseUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.post(
        "/persons",
        status_code=201,
        response_model=PersonOut,
        dependencies=[limits.per_user("story.add_person", callers.reader)],
        responses=written(201, *_ADDED, *_GUARDED, headers=REPLAYED),
    )
    async def add_person(
        reader: Annotated[Person, signed_in], case_id: UUID, body: PersonIn, key: IdempotencyKey
    ) -> Response:
        """Add a person. A minor must be protected, and a conviction of somebody real needs its source."""
        person = body.person(use_cases.new_id())
        attempt = _attempt(
            f"{case_id}/persons",
            key,
            body,
            lambda file: PersonOut.of(file.person(person.id), is_own=True).model_dump(mode="json"),
        )
        return created(
            await use_cases.own.add(
                UserId(reader.user_id),
                case_id,
                lambda file: with_person(file, person, use_cases.now()),
                body.words,
                attempt,
            ),
            PersonOut,
        )

    @router.patch(
        "/persons/{person_id:uuid}",
        dependencies=[limits.per_user("story.edit_person", callers.reader)],
        responses=written(200, *OWNED, *ADMITTED, *_GUARDED, refusals.PersonUnknown),
    )
    async def edit_person(
        reader: Annotated[Person, signed_in], case_id: UUID, person_id: UUID, body: PersonPatch
    ) -> PersonOut:
        """Change a person. Another legal status has every story that rests on the case read again."""
        file = await use_cases.own.change(
            UserId(reader.user_id),
            case_id,
            lambda file: with_person(file, body.apply(file.person(person_id)), use_cases.now()),
            lambda file: "\n".join(file.person(person_id).names),
        )
        return PersonOut.of(file.person(person_id), is_own=True)


def _attempt(parts: str, key: str, body: Wire, show: Callable[[CaseFile], Document]) -> Attempt:
    """Return the call that adds to the `parts` of a case, under its key."""
    return Attempt(f"POST /story/v1/cases/{parts}", AttemptKey(key, request_hash(body.model_dump())), show)
