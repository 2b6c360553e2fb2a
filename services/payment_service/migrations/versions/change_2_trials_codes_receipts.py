"""Trials of plans, promotion codes of checkouts, and where a bill is kept as a file."""

from alembic import op

revision = "change_2"
down_revision = "change_1"

UP = """
ALTER TABLE payment.plans ADD COLUMN trial_days smallint NOT NULL DEFAULT 0
  CONSTRAINT ck_plans_trial_days_bounded CHECK (trial_days BETWEEN 0 AND 365);
ALTER TABLE payment.checkout_sessions ADD COLUMN promo_code text, ADD COLUMN trial_days smallint NOT NULL DEFAULT 0;
ALTER TABLE payment.invoices ADD COLUMN pdf_url text;
"""
DOWN = """
ALTER TABLE payment.invoices DROP COLUMN pdf_url;
ALTER TABLE payment.checkout_sessions DROP COLUMN trial_days, DROP COLUMN promo_code;
ALTER TABLE payment.plans DROP COLUMN trial_days;
"""


def upgrade() -> None:
    """Add the columns; the next sync fills those of invoices."""
    op.execute(UP)


def downgrade() -> None:
    """Remove them."""
    op.execute(DOWN)
