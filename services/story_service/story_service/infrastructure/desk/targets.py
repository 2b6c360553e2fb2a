"""What the desk can hide and bring back, in Postgres."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.desk.ports import SeenTarget
from story_service.domain.desk.moderation_case import Target, TargetType
from story_service.domain.ids import UserId
from story_service.infrastructure.cases.tables import CaseRow
from story_service.infrastructure.character_tables import CharacterRow
from story_service.infrastructure.tables import StoryRow

_SHOWN = ("published", "unlisted")
_MET = ("unlisted", "public", "house")
_STANDING = ("flagged", "blocked")


class SqlTargets:
    """Stories, characters and case files as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, target: Target) -> SeenTarget | None:
        """Read who owns it, who sees it and what it says; None for what is deleted and for what has no table."""
        query = _query(target)
        row = (await self._session.execute(query)).one_or_none() if query is not None else None
        if row is None:
            return None
        return SeenTarget(target, UserId(row.owner) if row.owner else None, bool(row.is_public), row.words)

    async def block(self, target: Target, now: datetime) -> None:
        """Set the states: a story is withdrawn, a character is its owner's alone, a case is not approved."""
        match target.type:
            case TargetType.STORY:
                withdrawn = case((StoryRow.publish_state.in_(_SHOWN), "withdrawn"), else_=StoryRow.publish_state)
                await self._set(StoryRow, target, now, moderation_status="blocked", publish_state=withdrawn)
            case TargetType.CHARACTER:
                own = case((CharacterRow.owner_id.is_(None), CharacterRow.visibility), else_="private")
                await self._set(CharacterRow, target, now, moderation_status="blocked", visibility=own)
            case TargetType.CASE:
                await self._set(CaseRow, target, now, moderation_status="blocked")

    async def approve(self, target: Target, now: datetime) -> None:
        """Lift what stood against it; what was pending stays so."""
        for kind, row in _ROWS.items():
            if kind == target.type:
                lifted = case((row.moderation_status.in_(_STANDING), "approved"), else_=row.moderation_status)
                await self._set(row, target, now, moderation_status=lifted)

    async def _set(self, row: Any, target: Target, now: datetime, **values: Any) -> None:
        changes = {**values, "version": row.version + 1, "updated_at": now}
        await self._session.execute(update(row).where(row.id == target.id).values(**changes))


_ROWS: dict[str, Any] = {TargetType.STORY: StoryRow, TargetType.CHARACTER: CharacterRow, TargetType.CASE: CaseRow}


def _query(target: Target) -> Any:
    match target.type:
        case TargetType.STORY:
            words = StoryRow.title + "\n\n" + StoryRow.body
            columns = StoryRow.user_id.label("owner"), StoryRow.publish_state.in_(_SHOWN).label("is_public")
            return _of(StoryRow, target, *columns, words.label("words"))
        case TargetType.CHARACTER:
            words = func.concat_ws("\n", CharacterRow.name, CharacterRow.role, CharacterRow.personality)
            return _of(
                CharacterRow, target, CharacterRow.owner_id.label("owner"), _met(CharacterRow), words.label("words")
            )
        case TargetType.CASE:
            words = CaseRow.title + "\n" + CaseRow.summary
            return _of(CaseRow, target, CaseRow.owner_id.label("owner"), _met(CaseRow), words.label("words"))
    return None


def _of(row: Any, target: Target, *columns: Any) -> Any:
    return select(*columns).where(row.id == target.id, row.deleted_at.is_(None))


def _met(row: Any) -> Any:
    return (row.visibility.in_(_MET) & (row.moderation_status == "approved")).label("is_public")
