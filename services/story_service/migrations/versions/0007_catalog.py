"""The catalog: what everybody may find, under one roof, with what the library and the house hold already."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE story.catalog_entries (
  type text NOT NULL,
  id uuid NOT NULL,
  title text NOT NULL,
  key text NOT NULL,
  summary text DEFAULT '' NOT NULL,
  truth_mode text,
  language text,
  popularity bigint DEFAULT 0 NOT NULL,
  visibility text DEFAULT 'public' NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_in bigint DEFAULT CAST(CAST(pg_current_xact_id() AS text) AS bigint) NOT NULL,
  search tsvector GENERATED ALWAYS AS
    (setweight(to_tsvector('simple', key), 'A') || setweight(to_tsvector('simple', summary), 'B')) STORED,
  CONSTRAINT pk_catalog_entries PRIMARY KEY (type, id),
  CONSTRAINT ck_catalog_entries_type_known CHECK (type IN ('story','case','character','title')),
  CONSTRAINT ck_catalog_entries_visibility_known CHECK (visibility IN ('public','hidden')),
  CONSTRAINT ck_catalog_entries_hidden_is_empty CHECK (visibility = 'public' OR (title = '' AND summary = '')),
  CONSTRAINT ck_catalog_entries_popularity_not_negative CHECK (popularity >= 0)
);
CREATE INDEX ix_catalog_entries_search ON story.catalog_entries USING gin (search) WHERE visibility = 'public';
CREATE INDEX ix_catalog_entries_popular ON story.catalog_entries (type, popularity DESC, id DESC)
    WHERE visibility = 'public';
CREATE INDEX ix_catalog_entries_key ON story.catalog_entries (key text_pattern_ops) WHERE visibility = 'public';
CREATE INDEX ix_catalog_entries_changed_in ON story.catalog_entries (changed_in);
CREATE INDEX ix_catalog_entries_hidden ON story.catalog_entries (changed_at) WHERE visibility = 'hidden';
"""
FOUND = sa.text(
    "SELECT 'story' AS type, id, title, synopsis AS summary, truth_mode, language, published_at AS at,"
    " COALESCE(views, 0) AS popularity FROM story.stories LEFT JOIN story.counters"
    " ON target_type = 'story' AND target_id = id WHERE publish_state = 'published' AND deleted_at IS NULL"
    " UNION ALL SELECT 'case', id, title, summary, truth_mode, language, updated_at, 0 FROM story.cases"
    " WHERE visibility IN ('public','house') AND moderation_status = 'approved' AND deleted_at IS NULL"
    " UNION ALL SELECT 'character', id, name, role, NULL, NULL, updated_at, 0 FROM story.characters"
    " WHERE visibility IN ('public','house') AND moderation_status = 'approved' AND deleted_at IS NULL"
)
ENTRY = sa.text(
    "INSERT INTO story.catalog_entries (type, id, title, key, summary, truth_mode, language, popularity, changed_at)"
    " VALUES (:type, :id, :title, :key, :summary, :truth_mode, :language, :popularity, :at)"
)


def upgrade() -> None:
    """Add the table, and list what may be found."""
    op.execute(TABLES)
    for row in op.get_bind().execute(FOUND).mappings().all():
        folded = {"key": fold(row["title"])[:200].rstrip(), "summary": fold(row["summary"])}
        op.get_bind().execute(ENTRY, {**row, **folded})


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TABLE story.catalog_entries")


def fold(text: str) -> str:
    """Return what the service folded a text to when this step was written."""
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold()
    letters = (sign for sign in plain if not unicodedata.combining(sign) and sign not in "'\u2018\u2019")
    return " ".join("".join(sign if sign.isalnum() else " " for sign in letters).split())
