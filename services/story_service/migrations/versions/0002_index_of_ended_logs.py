"""Find the event logs that have ended without reading every generation there ever was."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index: it holds a day of generations, because older logs are gone."""
    op.execute("CREATE INDEX ix_generation_chunks_done ON story.generation_chunks (generation_id) WHERE kind = 'done'")


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP INDEX story.ix_generation_chunks_done")
