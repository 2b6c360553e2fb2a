"""The library: what is found in it, how often it was read, and the stories that it opens with.

The starter stories are data of this step and not of a command, so that every platform has them without a further
act, once: a story that was withdrawn or edited later is not brought back by the next start.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STARTER = Path(__file__).parents[1] / "starter"
OPENED = "2026-11-21T00:00:00Z"

TABLES = """
ALTER TABLE story.stories ADD COLUMN search tsvector GENERATED ALWAYS AS
  (setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', synopsis), 'B')) STORED;
CREATE INDEX ix_stories_published ON story.stories (published_at DESC, id DESC)
    WHERE publish_state = 'published' AND deleted_at IS NULL;
CREATE INDEX ix_stories_published_title ON story.stories (lower(title), id)
    WHERE publish_state = 'published' AND deleted_at IS NULL;
CREATE INDEX ix_stories_search ON story.stories USING gin (search)
    WHERE publish_state = 'published' AND deleted_at IS NULL;
CREATE INDEX ix_stories_house_review ON story.stories (created_at)
    WHERE origin = 'house' AND publish_state = 'in_review' AND deleted_at IS NULL;
CREATE INDEX ix_stories_deleted_at ON story.stories (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TABLE story.story_views (
  story_id uuid NOT NULL,
  viewer_id uuid NOT NULL,
  viewed_on date NOT NULL,
  CONSTRAINT pk_story_views PRIMARY KEY (story_id, viewer_id, viewed_on),
  CONSTRAINT fk_story_views_story_id FOREIGN KEY(story_id) REFERENCES story.stories (id) ON DELETE CASCADE
);
CREATE INDEX ix_story_views_viewed_on ON story.story_views (viewed_on);
CREATE TABLE story.counters (
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  views bigint DEFAULT 0 NOT NULL,
  refreshed_at timestamptz NOT NULL,
  CONSTRAINT pk_counters PRIMARY KEY (target_type, target_id),
  CONSTRAINT ck_counters_views_not_negative CHECK (views >= 0)
);
CREATE INDEX ix_counters_story_views ON story.counters (views DESC, target_id DESC) WHERE target_type = 'story';
"""

STORY = sa.text(
    "INSERT INTO story.stories (id, title, synopsis, body, truth_mode, origin, state, moderation_status,"
    " publish_state, published_at, created_at, updated_at)"
    " VALUES (:id, :title, :synopsis, :body, :truth_mode, 'house', 'ready', 'approved', 'published',"
    " CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz))"
)
COUNTER = sa.text(
    "INSERT INTO story.counters (target_type, target_id, refreshed_at)"
    " SELECT 'story', id, published_at FROM story.stories WHERE publish_state = 'published'"
)


def starter_stories() -> list[dict[str, str]]:
    """Read the files: lines of `name: value`, an empty line, the text."""
    return [_story(file.read_text(encoding="utf-8")) for file in sorted(STARTER.glob("*.txt"))]


def upgrade() -> None:
    """Make room, and put the first stories on the shelf."""
    op.execute(TABLES)
    for story in starter_stories():
        op.get_bind().execute(STORY, {**story, "at": OPENED})
    op.get_bind().execute(COUNTER)


def downgrade() -> None:
    """Take house stories out: the schema before had no place for them."""
    op.execute("DELETE FROM story.stories WHERE origin = 'house'")
    op.execute("DROP TABLE story.story_views, story.counters")
    for index in ("published", "published_title", "house_review", "deleted_at"):
        op.execute(f"DROP INDEX story.ix_stories_{index}")
    op.execute("ALTER TABLE story.stories DROP COLUMN search")


def _story(text: str) -> dict[str, str]:
    head, _, body = text.partition("\n\n")
    named = dict(line.split(": ", 1) for line in head.splitlines())
    return {"truth_mode": "fiction", **named, "body": body.strip()}
