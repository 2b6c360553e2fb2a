"""Generations that failed, as an admin looks for them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find them without reading those that succeeded."""
    op.execute(
        "CREATE INDEX ix_generations_failed ON story.generations (created_at DESC, id DESC)"
        " WHERE state IN ('failed','expired')"
    )


def downgrade() -> None:
    """Look through all of them again."""
    op.execute("DROP INDEX story.ix_generations_failed")
