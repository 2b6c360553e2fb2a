"""Characters, and the six investigators of the house (data of this step for the reason that 0003 gives)."""

import json
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INVESTIGATORS = Path(__file__).parents[1] / "starter" / "investigators.json"
OPENED = "2026-11-21T00:00:00Z"

TABLES = """
CREATE TABLE story.characters (
  id uuid NOT NULL,
  owner_id uuid,
  name text NOT NULL,
  kind text NOT NULL,
  role text NOT NULL,
  personality text NOT NULL,
  speaking_style text DEFAULT '' NOT NULL,
  greeting text DEFAULT '' NOT NULL,
  boundaries text DEFAULT '' NOT NULL,
  visibility text DEFAULT 'private' NOT NULL,
  moderation_status text DEFAULT 'pending' NOT NULL,
  version integer DEFAULT 1 NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || role || ' ' || personality)) STORED,
  CONSTRAINT pk_characters PRIMARY KEY (id),
  CONSTRAINT ck_characters_kind_known
    CHECK (kind IN ('detective','journalist','profiler','lawyer','narrator','suspect','witness','custom')),
  CONSTRAINT ck_characters_visibility_known CHECK (visibility IN ('private','unlisted','public','house')),
  CONSTRAINT ck_characters_moderation_status_known
    CHECK (moderation_status IN ('pending','approved','flagged','blocked')),
  CONSTRAINT ck_characters_house_has_no_owner CHECK ((visibility = 'house') = (owner_id IS NULL)),
  CONSTRAINT ck_characters_shown_is_not_blocked
    CHECK (visibility IN ('private','house') OR moderation_status <> 'blocked')
);
CREATE INDEX ix_characters_owner ON story.characters (owner_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX ix_characters_shown ON story.characters (visibility, created_at DESC, id DESC)
    WHERE moderation_status = 'approved' AND deleted_at IS NULL;
CREATE INDEX ix_characters_search ON story.characters USING gin (search);
"""

CHARACTER = sa.text(
    "INSERT INTO story.characters (id, name, kind, role, personality, speaking_style, greeting, boundaries,"
    " visibility, moderation_status, created_at, updated_at)"
    " VALUES (:id, :name, :kind, :role, :personality, :speaking_style, :greeting, :boundaries,"
    " 'house', 'approved', CAST(:at AS timestamptz), CAST(:at AS timestamptz))"
)


def investigators() -> list[dict[str, str]]:
    """Read the file."""
    found: list[dict[str, str]] = json.loads(INVESTIGATORS.read_text(encoding="utf-8"))
    return found


def upgrade() -> None:
    """Add the table, and who lives in the house."""
    op.execute(TABLES)
    for character in investigators():
        op.get_bind().execute(CHARACTER, {**character, "at": OPENED})


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TABLE story.characters")
