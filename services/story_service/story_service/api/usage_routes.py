"""Usage: what is used, the chain that proves it, and what a story would cost."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends

from common_auth.bearer import SERVICE, SIGNED_IN
from common_auth.callers import Callers, Person, ServiceCaller
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.problems import ANY_READER, ANY_SERVICE, FACES, GATED
from story_service.api.quote_asks import QuoteIn, asked
from story_service.api.quote_schemas import ModelsOut, QuotationOut
from story_service.api.usage_schemas import AuditOut, LedgerPageOut, TroubledOut, UsageReportOut, UserUsageOut
from story_service.api.use_cases import UseCases
from story_service.domain import errors
from story_service.domain.cases.errors import CaseUnknown, TruthModeUnfit
from story_service.domain.chat import errors as chat
from story_service.domain.generation import Trouble
from story_service.domain.ids import UserId

_UNQUOTED: tuple[type[Exception], ...] = (
    errors.ModelUnavailable,
    errors.CharacterUnknown,
    CaseUnknown,
    TruthModeUnfit,
    errors.StoryUnknown,
    errors.StoryNotReady,
    errors.StoryIsPublished,
    errors.VersionConflict,
    errors.SpanOutside,
    errors.StoryTooLong,
    chat.ConversationUnknown,
    chat.MessageUnknown,
    chat.NotInConversation,
    chat.GenerationRunning,
    chat.NobodyAnswers,
    chat.NothingToAnswer,
    chat.ContextTooSmall,
)
TroubleName = Literal["stuck", "failed"]
_OWN_LEDGER, _ANY_LEDGER = "ledger", "ledger of a user"


def usage_routes(use_cases: UseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes for readers."""
    router = APIRouter(prefix="/story/v1", tags=["usage"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("/usage", responses=FACES.responses(*ANY_READER, *GATED))
    async def read_usage(reader: Annotated[Person, signed_in]) -> UsageReportOut:
        """Read what is used of what the plan includes."""
        return UsageReportOut.of(await use_cases.usage(UserId(reader.user_id)))

    @router.get("/usage/ledger", responses=FACES.responses(*ANY_READER))
    async def read_ledger(
        reader: Annotated[Person, signed_in], limit: Limit = 20, cursor: Cursor = None
    ) -> LedgerPageOut:
        """Read one's own ledger, newest first. Each entry's hash covers the entry and the hash before it.

        `hash` is the SHA-256 of the 32 bytes of `prev_hash` followed by the UTF-8 JSON array, without spaces, of
        user id, seq, meter, kind, amount, reserved_after, settled_after, reservation id and the UTC time with six
        decimals and `+00:00`, then the grant id and `ref` where there are such; the first `prev_hash` is 32 zero bytes.
        """
        return await _page(use_cases, cursors, UserId(reader.user_id), limit, cursor, of=_OWN_LEDGER)

    @router.post(
        "/quotes",
        dependencies=[limits.per_user("story.quote_story", callers.reader)],
        responses=limited(FACES.responses(*ANY_READER, *GATED, *_UNQUOTED, RateLimited), 200),
    )
    async def quote_story(reader: Annotated[Person, signed_in], body: QuoteIn) -> QuotationOut:
        """Tell what a call would cost at most, and why the plan would refuse it now. Nothing is done or kept.

        `kind` names the call: a story, a message or a retry in a conversation, a continuation, an analysis; its other
        members are those of that call, with the id that stands in its path. What could not be done at all is answered
        as the call itself would be.
        """
        call, commission = asked(use_cases, UserId(reader.user_id), body)
        return QuotationOut.of(await use_cases.quote(call, commission))

    @router.get("/models", responses=FACES.responses(*ANY_READER, *GATED))
    async def list_models(reader: Annotated[Person, signed_in]) -> ModelsOut:
        """List the models on offer, and whether the plan includes them."""
        return ModelsOut.of(await use_cases.quote.models(UserId(reader.user_id)))

    return router


def internal_usage_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes for other services."""
    router = APIRouter(prefix="/internal/v1", tags=["internal"], dependencies=[SERVICE])
    admin = Depends(callers.service("story/admin", acting="users.read"))
    auditor = Depends(callers.service("story/admin", acting="billing.read"))

    @router.get("/usage/{user_id}", responses=FACES.responses(*ANY_SERVICE, *GATED))
    async def read_user_usage(_: Annotated[ServiceCaller, admin], user_id: UUID) -> UserUsageOut:
        """Read a user's meters, totals and newest generations."""
        return UserUsageOut.of_user(user_id, await use_cases.usage.in_full(UserId(user_id)))

    @router.get("/generations", responses=FACES.responses(*ANY_SERVICE, BadCursor))
    async def list_troubled_generations(
        _: Annotated[ServiceCaller, admin], trouble: TroubleName = "failed", limit: Limit = 20, cursor: Cursor = None
    ) -> Page[TroubledOut]:
        """List generations of anybody that failed, or that nobody ends, the newest first. No text."""
        name = f"generations {trouble}"
        position = cursors.read(cursor, of=name)
        before = (datetime.fromisoformat(position["at"]), UUID(position["id"])) if position else None
        found = await use_cases.usage.troubled(Trouble(trouble), before=before, most=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}, of=name) if last else None
        return Page(items=[TroubledOut.of(one) for one in found[:limit]], next_cursor=following)

    @router.get("/ledger/{user_id}", responses=FACES.responses(*ANY_SERVICE))
    async def read_user_ledger(
        _: Annotated[ServiceCaller, auditor], user_id: UUID, limit: Limit = 20, cursor: Cursor = None
    ) -> LedgerPageOut:
        """Read a user's ledger, newest first."""
        return await _page(use_cases, cursors, UserId(user_id), limit, cursor, of=_ANY_LEDGER)

    @router.post("/ledger/{user_id}/verify", responses=FACES.responses(*ANY_SERVICE))
    async def verify_user_ledger(_: Annotated[ServiceCaller, auditor], user_id: UUID) -> AuditOut:
        """Hash a user's ledger anew, and hold its sums against the windows and the open reservations."""
        return AuditOut.of(await use_cases.ledger.verify(UserId(user_id)))

    return router


async def _page(
    use_cases: UseCases, cursors: Cursors, user_id: UserId, limit: int, cursor: str | None, *, of: str
) -> LedgerPageOut:
    position: dict[str, Any] | None = cursors.read(cursor, of=of)
    found = await use_cases.ledger.page(user_id, before=position["seq"] if position else None, most=limit + 1)
    shown, more = found.entries[:limit], len(found.entries) > limit
    following = cursors.make({"seq": shown[-1].seq}, of=of) if more else None
    return LedgerPageOut.of(shown, found.head, following)
