"""The interval of a subscription, and the change that is to come."""

from alembic import op

revision = "change_1"
down_revision = "access_2"


def upgrade() -> None:
    """Add the columns; the next sync fills them."""
    op.execute(
        "ALTER TABLE payment.subscriptions ADD COLUMN interval text, ADD COLUMN pending_price_id text, "
        "ADD COLUMN pending_at timestamptz, ADD COLUMN schedule_id text"
    )


def downgrade() -> None:
    """Remove them."""
    op.execute(
        "ALTER TABLE payment.subscriptions DROP COLUMN schedule_id, DROP COLUMN pending_at, "
        "DROP COLUMN pending_price_id, DROP COLUMN interval"
    )
