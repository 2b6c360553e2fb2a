"""Answers about texts of stories, and an index by which the words of their continuations are found to be forgotten."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.execute(
        """
        CREATE TABLE story.story_analyses (
          story_id uuid NOT NULL,
          kind text NOT NULL,
          text_sha256 bytea NOT NULL,
          model text NOT NULL,
          result jsonb NOT NULL,
          generation_id uuid NOT NULL,
          created_at timestamptz NOT NULL,
          CONSTRAINT pk_story_analyses PRIMARY KEY (story_id, kind, text_sha256),
          CONSTRAINT ck_story_analyses_kind_known CHECK (kind IN ('characters','emotions','summary','factcheck')),
          CONSTRAINT ck_story_analyses_text_sha256_whole CHECK (length(text_sha256) = 32),
          CONSTRAINT fk_story_analyses_story_id FOREIGN KEY(story_id) REFERENCES story.stories (id) ON DELETE CASCADE
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_generations_continued ON story.generations (target_id)"
        " WHERE kind IN ('continuation','rewrite')"
    )


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP INDEX story.ix_generations_continued")
    op.execute("DROP TABLE story.story_analyses")
