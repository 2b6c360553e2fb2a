"""The index by which a sync finds its webhooks, those among them that were given up; and who has a plan now."""

from alembic import op

revision = "access_3"
down_revision = "change_2"

UP = """
DROP INDEX payment.ix_webhook_inbox_unprocessed;
CREATE INDEX ix_webhook_inbox_unprocessed ON payment.webhook_inbox (provider_customer_id)
  WHERE state IN ('received','processing','failed','dead');
CREATE INDEX ix_access_versions_plan_code ON payment.access_versions (plan_code) WHERE valid_to IS NULL;
"""
DOWN = """
DROP INDEX payment.ix_access_versions_plan_code;
DROP INDEX payment.ix_webhook_inbox_unprocessed;
CREATE INDEX ix_webhook_inbox_unprocessed ON payment.webhook_inbox (provider_customer_id)
  WHERE state IN ('received','processing','failed');
"""


def upgrade() -> None:
    """Widen the one, add the other."""
    op.execute(UP)


def downgrade() -> None:
    """Take both back."""
    op.execute(DOWN)
