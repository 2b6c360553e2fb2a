"""Conversations about a case."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a conversation name a case; one that goes leaves the conversation."""
    op.execute(
        "ALTER TABLE story.conversations ADD COLUMN case_id uuid"
        " CONSTRAINT fk_conversations_case_id REFERENCES story.cases (id) ON DELETE SET NULL"
    )
    op.execute("CREATE INDEX ix_conversations_case_id ON story.conversations (case_id) WHERE case_id IS NOT NULL")


def downgrade() -> None:
    """Forget which."""
    op.execute("ALTER TABLE story.conversations DROP COLUMN case_id")
