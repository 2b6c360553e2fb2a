"""Who is being erased, and whether their subscriptions have been ended at the provider."""

from alembic import op

revision = "erasure_1"
down_revision = "access_4"

UP = """
CREATE TABLE payment.erasures (
  user_id uuid NOT NULL, asked_at timestamptz NOT NULL, ended_at timestamptz,
  CONSTRAINT pk_erasures PRIMARY KEY (user_id));
CREATE INDEX ix_erasures_waiting ON payment.erasures (asked_at) WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(UP)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE payment.erasures")
