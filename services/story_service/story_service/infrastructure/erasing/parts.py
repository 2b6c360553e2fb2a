"""What a reader may have left, and the statement that removes a batch of it and returns what it touched.

What others still use stays without its author: a case that somebody else has published a story of becomes the house's,
a character that speaks in somebody else's conversation keeps its place there and loses its words.
"""

from uuid import UUID

from story_service.domain.catalog.entry import EntryType

NOBODY = UUID(int=0)
_STORIES = """
WITH gone AS (SELECT id FROM story.stories WHERE user_id = :user LIMIT :most FOR UPDATE),
  uncounted AS (DELETE FROM story.counters WHERE target_type = 'story' AND target_id IN (SELECT id FROM gone)),
  copies AS (
    UPDATE story.stories SET parent_title = ''
    WHERE parent_story_id IN (SELECT id FROM gone) AND user_id IS DISTINCT FROM :user
  )
DELETE FROM story.stories WHERE id IN (SELECT id FROM gone) RETURNING id
"""
_CONVERSATIONS = """
DELETE FROM story.conversations WHERE id IN (SELECT id FROM story.conversations WHERE user_id = :user LIMIT :most)
RETURNING id
"""
_MEMORIES = """
DELETE FROM story.memories WHERE id IN (SELECT id FROM story.memories WHERE user_id = :user LIMIT :most) RETURNING id
"""
_SHARED_CASES = """
UPDATE story.cases SET owner_id = NULL, visibility = 'house'
WHERE owner_id = :user AND deleted_at IS NULL AND EXISTS (
  SELECT FROM story.stories AS told WHERE told.case_id = cases.id AND told.user_id IS DISTINCT FROM :user
    AND told.publish_state IN ('published', 'unlisted') AND told.deleted_at IS NULL
)
RETURNING id
"""
_CASES = """
WITH gone AS (SELECT id FROM story.cases WHERE owner_id = :user LIMIT :most FOR UPDATE)
DELETE FROM story.cases WHERE id IN (SELECT id FROM gone) RETURNING id
"""
_SHARED_CHARACTERS = """
UPDATE story.characters SET owner_id = :nobody, name = 'Removed', role = '', personality = '', speaking_style = '',
  greeting = '', boundaries = '', visibility = 'private', deleted_at = COALESCE(deleted_at, :now)
WHERE owner_id = :user AND (
  EXISTS (SELECT FROM story.conversation_characters AS seat WHERE seat.character_id = characters.id)
  OR EXISTS (SELECT FROM story.messages WHERE messages.character_id = characters.id)
)
RETURNING id
"""
_CHARACTERS = """
WITH gone AS (SELECT id FROM story.characters WHERE owner_id = :user LIMIT :most FOR UPDATE)
DELETE FROM story.characters WHERE id IN (SELECT id FROM gone) RETURNING id
"""
_REPORTS = """
UPDATE story.moderation_cases SET statement = '', reporter_contact = NULL, opened_by = NULL
WHERE opened_by = :user RETURNING id
"""
_CASES_ABOUT = """
UPDATE story.moderation_cases SET subject_user_id = NULL WHERE subject_user_id = :user RETURNING id
"""
_STRIKES = "DELETE FROM story.user_strikes WHERE user_id = :user RETURNING id"
_VIEWS = "DELETE FROM story.story_views WHERE viewer_id = :user RETURNING story_id"
_EVENTS = """
DELETE FROM story.generation_chunks WHERE generation_id IN (
  SELECT id FROM story.generations WHERE user_id = :user
    AND EXISTS (SELECT FROM story.generation_chunks AS chunk WHERE chunk.generation_id = generations.id) LIMIT :most
) RETURNING seq
"""
_REQUESTS = """
UPDATE story.generations SET request = '{}' WHERE id IN (
  SELECT id FROM story.generations WHERE user_id = :user AND request <> '{}' LIMIT :most
) RETURNING id
"""
_ANSWERS = "DELETE FROM story.idempotency_keys WHERE principal = CAST(:user AS text) RETURNING key"

PARTS: dict[str, str] = {
    "stories": _STORIES,
    "conversations": _CONVERSATIONS,
    "memories": _MEMORIES,
    "cases left to the house": _SHARED_CASES,
    "cases": _CASES,
    "characters left without words": _SHARED_CHARACTERS,
    "characters": _CHARACTERS,
    "reports": _REPORTS,
    "moderation cases": _CASES_ABOUT,
    "strikes": _STRIKES,
    "views": _VIEWS,
    "events of generations": _EVENTS,
    "requests": _REQUESTS,
    "answers under keys": _ANSWERS,
}
LISTED = {
    "stories": EntryType.STORY,
    "cases": EntryType.CASE,
    "characters left without words": EntryType.CHARACTER,
    "characters": EntryType.CHARACTER,
}
