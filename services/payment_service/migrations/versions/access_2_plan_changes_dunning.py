"""Plans that are retired keep their rank; who has to be computed anew after a change of plans; dunning notices."""

from alembic import op

revision = "access_2"
down_revision = "billing_0002"

UP = """
ALTER TABLE payment.plans ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE payment.plans DROP CONSTRAINT uq_plans_rank;
CREATE UNIQUE INDEX uq_plans_rank_while_active ON payment.plans (rank) WHERE active;
CREATE TABLE payment.access_recomputes (
  user_id uuid CONSTRAINT pk_access_recomputes PRIMARY KEY,
  cause_id text NOT NULL,
  caused_by uuid,
  requested_at timestamptz NOT NULL);
CREATE INDEX ix_access_recomputes_requested_at ON payment.access_recomputes (requested_at);
CREATE TABLE payment.dunning_notices (
  subscription_id uuid NOT NULL,
  day smallint NOT NULL,
  past_due_since timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  CONSTRAINT pk_dunning_notices PRIMARY KEY (subscription_id, past_due_since, day));
"""
DOWN = """
DROP TABLE payment.dunning_notices;
DROP TABLE payment.access_recomputes;
DROP INDEX payment.uq_plans_rank_while_active;
ALTER TABLE payment.plans ADD CONSTRAINT uq_plans_rank UNIQUE (rank);
ALTER TABLE payment.plans DROP COLUMN version;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Remove them; two plans of one rank, one of them retired, have to be told apart first."""
    op.execute(DOWN)
