"""Units on top of a plan, and what is used of them."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

GRANTS = """
CREATE TABLE story.credit_grants (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  meter text NOT NULL,
  amount bigint NOT NULL,
  priority integer NOT NULL,
  effective_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  reserved bigint DEFAULT 0 NOT NULL,
  settled bigint DEFAULT 0 NOT NULL,
  CONSTRAINT pk_credit_grants PRIMARY KEY (id),
  CONSTRAINT ck_credit_grants_amount_positive CHECK (amount > 0),
  CONSTRAINT ck_credit_grants_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT ck_credit_grants_settled_not_negative CHECK (settled >= 0),
  CONSTRAINT ck_credit_grants_burnt_once CHECK (reserved + settled <= amount),
  CONSTRAINT ck_credit_grants_ends_after_start CHECK (expires_at > effective_at)
);
CREATE INDEX ix_credit_grants_user_id ON story.credit_grants (user_id, meter);
ALTER TABLE story.reservation_lines
  ADD COLUMN grant_id uuid CONSTRAINT fk_reservation_lines_grant_id REFERENCES story.credit_grants (id),
  ADD CONSTRAINT ck_reservation_lines_grant_named CHECK ((source = 'grant') = (grant_id IS NOT NULL));
ALTER TABLE story.ledger_entries ADD COLUMN grant_id uuid;
DROP INDEX story.uq_ledger_entries_once;
CREATE UNIQUE INDEX uq_ledger_entries_once ON story.ledger_entries (reservation_id, meter, kind, grant_id)
  NULLS NOT DISTINCT WHERE reservation_id IS NOT NULL;
"""


def upgrade() -> None:
    """Let a reservation hold units of grants beside those of windows."""
    op.execute(GRANTS)


def downgrade() -> None:
    """Forget grants; a chain with entries of theirs cannot be checked any more."""
    op.execute("DROP INDEX story.uq_ledger_entries_once")
    op.execute("ALTER TABLE story.ledger_entries DROP COLUMN grant_id")
    op.execute(
        "CREATE UNIQUE INDEX uq_ledger_entries_once ON story.ledger_entries (reservation_id, meter, kind)"
        " WHERE reservation_id IS NOT NULL"
    )
    op.execute("ALTER TABLE story.reservation_lines DROP COLUMN grant_id")
    op.execute("DROP TABLE story.credit_grants")
