"""Texts of stories that were changed, and what a clone was made of.

A clone keeps the id and the title of its source also when the source is gone: it is attribution and not a reference.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE story.story_revisions (
  story_id uuid NOT NULL,
  version integer NOT NULL,
  title text NOT NULL,
  body text NOT NULL,
  generation_id uuid,
  author_id uuid,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_story_revisions PRIMARY KEY (story_id, version),
  CONSTRAINT ck_story_revisions_version_positive CHECK (version > 0),
  CONSTRAINT fk_story_revisions_story_id FOREIGN KEY(story_id) REFERENCES story.stories (id) ON DELETE CASCADE
);
ALTER TABLE story.stories ADD COLUMN parent_story_id uuid, ADD COLUMN parent_title text;
ALTER TABLE story.stories ADD CONSTRAINT ck_stories_clone_has_source
  CHECK ((origin = 'cloned') = (parent_story_id IS NOT NULL));
"""
DOWN = """
DROP TABLE story.story_revisions;
DELETE FROM story.stories WHERE origin = 'cloned';
ALTER TABLE story.stories DROP CONSTRAINT ck_stories_clone_has_source;
ALTER TABLE story.stories DROP COLUMN parent_story_id, DROP COLUMN parent_title;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away, with the clones: without their source they would pass for their reader's own."""
    op.execute(DOWN)
