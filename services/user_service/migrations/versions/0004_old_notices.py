"""Ways to the oldest notifications and e-mails, which do not stay for ever."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX ix_notifications_created_at ON users.notifications USING brin (created_at);
        CREATE INDEX ix_outbound_messages_created_at ON users.outbound_messages USING brin (created_at);
        """
    )


def downgrade() -> None:
    op.execute("DROP INDEX users.ix_notifications_created_at, users.ix_outbound_messages_created_at")
