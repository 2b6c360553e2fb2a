"""Everybody's invoices, youngest first; for subscriptions there is an index already."""

from alembic import op

revision = "lists_1"
down_revision = "webhooks_1"


def upgrade() -> None:
    """Create the index."""
    op.execute("CREATE INDEX ix_invoices_created_at_id ON payment.invoices (created_at DESC, id DESC)")


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP INDEX payment.ix_invoices_created_at_id")
