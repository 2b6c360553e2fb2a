"""Readers who left, and what was erased of theirs."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ERASURES = """
CREATE TABLE story.erasures (
  user_id uuid NOT NULL,
  asked_at timestamptz NOT NULL,
  counts jsonb DEFAULT '{}' NOT NULL,
  done_at timestamptz,
  CONSTRAINT pk_erasures PRIMARY KEY (user_id)
);
CREATE INDEX ix_erasures_waiting ON story.erasures (asked_at) WHERE done_at IS NULL;
CREATE INDEX ix_stories_parent_story_id ON story.stories (parent_story_id) WHERE parent_story_id IS NOT NULL;
"""


def upgrade() -> None:
    """Make room for who leaves, and find the copies of their stories."""
    op.execute(ERASURES)


def downgrade() -> None:
    """Forget who left."""
    op.execute("DROP INDEX story.ix_stories_parent_story_id")
    op.execute("DROP TABLE story.erasures")
