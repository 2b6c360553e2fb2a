"""A reader's own characters: make, change, delete."""

from collections.abc import Callable
from dataclasses import dataclass

from story_service.application.admit_persona import AdmitPersona
from story_service.application.attempts import AttemptKey
from story_service.application.catalog.listing import list_character
from story_service.application.ports import Clock, NewId, StartWork, Subscriptions, Work
from story_service.domain.access import Access
from story_service.domain.catalog.entry import EntryType
from story_service.domain.character import OWN, Character, Persona, Visibility, demand_room
from story_service.domain.errors import CharacterUnknown
from story_service.domain.ids import CharacterId, UserId


@dataclass(frozen=True, slots=True)
class Made:
    """A new character, and whether this attempt had been answered before."""

    character: Character
    replayed: bool


@dataclass(frozen=True, slots=True)
class OwnCharacters:
    """Every text is judged before the transaction in which it is kept."""

    start_work: StartWork
    subscriptions: Subscriptions
    admit: AdmitPersona
    now: Clock
    new_id: NewId

    async def make(self, user_id: UserId, persona: Persona, visibility: Visibility, key: AttemptKey) -> Made:
        """Raises SubscriptionRequired, CharacterLimitReached, and what AdmitPersona raises."""
        async with self.start_work() as work:
            if kept := await work.character_attempts.answer(user_id, key, self.now()):
                return Made(kept, replayed=True)
            used = await work.characters.number_of(user_id)
        access = await self.subscriptions.access(user_id)
        _demand_room(access, used)
        now = self.now()
        character = Character(CharacterId(self.new_id()), user_id, persona, visibility, now, now)
        decision = await self.admit(user_id, character.id, persona)
        async with self.start_work() as work:
            if kept := await work.character_attempts.claim(user_id, key, now):
                return Made(kept, replayed=True)
            await work.usage.lock(user_id)
            _demand_room(access, await work.characters.number_of(user_id))
            await work.characters.add(character)
            await list_character(work, character, now)
            await work.record(decision)
            await work.character_attempts.keep(user_id, key, character)
            await work.commit()
        return Made(character, replayed=False)

    async def edit(
        self, user_id: UserId, character_id: CharacterId, edit: Callable[[Character], Character], *, version: int
    ) -> Character:
        """Apply `edit` to the version that the reader has seen.

        Raises CharacterUnknown, NotTheOwner, VersionConflict, and what AdmitPersona raises.
        """
        async with self.start_work() as work:
            wanted = self._edited(await _owned(work, user_id, character_id), edit, version)
        decision = await self.admit(user_id, character_id, wanted.persona)
        async with self.start_work() as work:
            current = await _owned(work, user_id, character_id, lock=True)
            edited = self._edited(current, edit, version)
            await work.characters.keep(edited)
            await list_character(work, edited, self.now())
            await work.record(decision)
            await work.commit()
        return edited

    async def delete(self, user_id: UserId, character_id: CharacterId) -> None:
        """Raises CharacterUnknown, NotTheOwner."""
        async with self.start_work() as work:
            await _owned(work, user_id, character_id, lock=True)
            await work.characters.delete(character_id, self.now())
            await work.catalog.remove(EntryType.CHARACTER, character_id, self.now())
            await work.commit()

    def _edited(self, current: Character, edit: Callable[[Character], Character], version: int) -> Character:
        wanted = edit(current)
        return current.edited(wanted.persona, wanted.visibility, version=version, now=self.now())


async def _owned(work: Work, user_id: UserId, character_id: CharacterId, *, lock: bool = False) -> Character:
    character = await work.characters.find(character_id, lock=lock)
    if character is None or not character.is_visible_to(user_id):
        raise CharacterUnknown
    character.demand_owner(user_id)
    return character


def _demand_room(access: Access, used: int) -> None:
    demand_room(access.limit(OWN).amount, used, access.plans_on_offer)
