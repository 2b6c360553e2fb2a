"""Who is suspended, as user_service says."""

from alembic import op

revision = "standing_1"
down_revision = "erasure_1"

UP = """
CREATE TABLE payment.standings (
  user_id uuid NOT NULL, version bigint NOT NULL, is_suspended boolean NOT NULL, since timestamptz NOT NULL,
  until timestamptz,
  CONSTRAINT pk_standings PRIMARY KEY (user_id));
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(UP)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE payment.standings")
