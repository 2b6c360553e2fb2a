"""A version of somebody's access keeps the rank that its plan had, so that a change of it is a version too."""

from alembic import op

revision = "access_4"
down_revision = "access_3"

UP = """
ALTER TABLE payment.access_versions ADD COLUMN plan_rank smallint;
UPDATE payment.access_versions AS version SET plan_rank = plan.rank FROM payment.plans AS plan
  WHERE plan.code = version.plan_code;
ALTER TABLE payment.access_versions ALTER COLUMN plan_rank SET NOT NULL;
"""
DOWN = "ALTER TABLE payment.access_versions DROP COLUMN plan_rank"


def upgrade() -> None:
    """Add the column; what was before has the rank that its plan has now, as it was shown."""
    op.execute(UP)


def downgrade() -> None:
    """Remove it."""
    op.execute(DOWN)
