"""The webhooks of one customer, youngest first."""

from alembic import op

revision = "webhooks_1"
down_revision = "standing_1"


def upgrade() -> None:
    """Create the index."""
    op.execute(
        "CREATE INDEX ix_webhook_inbox_customer"
        " ON payment.webhook_inbox (provider_customer_id, received_at DESC, event_id DESC)"
    )


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP INDEX payment.ix_webhook_inbox_customer")
