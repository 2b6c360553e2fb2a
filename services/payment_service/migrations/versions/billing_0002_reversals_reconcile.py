"""Refunds and disputes, runs of the reconciliation, customers that were deleted, why a webhook is unusual."""

from alembic import op

revision = "billing_0002"
down_revision = "access_1"

UP = """
ALTER TABLE payment.webhook_inbox ADD COLUMN reason text;
UPDATE payment.webhook_inbox SET reason = last_error, last_error = NULL WHERE state = 'ignored';
CREATE INDEX ix_webhook_inbox_received_at_event_id ON payment.webhook_inbox (received_at DESC, event_id DESC);
ALTER TABLE payment.customer_syncs ADD COLUMN lookup text CONSTRAINT ck_customer_syncs_lookup_known
  CHECK (lookup IN ('refund','dispute'));
ALTER TABLE payment.customers ADD COLUMN generation integer NOT NULL DEFAULT 1, ADD COLUMN deleted_at timestamptz;
CREATE TABLE payment.former_customers (
  provider text NOT NULL,
  provider_customer_id text NOT NULL,
  user_id uuid NOT NULL,
  deleted_at timestamptz NOT NULL,
  CONSTRAINT pk_former_customers PRIMARY KEY (provider, provider_customer_id));
CREATE INDEX ix_subscriptions_created_at ON payment.subscriptions (created_at);
CREATE TABLE payment.reversals (
  id uuid CONSTRAINT pk_reversals PRIMARY KEY,
  user_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT ck_reversals_kind_known CHECK (kind IN ('refund','dispute')),
  provider_reversal_id text NOT NULL CONSTRAINT uq_reversals_provider_reversal_id UNIQUE,
  provider_charge_id text NOT NULL,
  provider_invoice_id text,
  status text NOT NULL,
  amount bigint NOT NULL CONSTRAINT ck_reversals_amount_positive CHECK (amount >= 0),
  charged bigint NOT NULL,
  currency char(3) NOT NULL,
  reason text,
  provider_object_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL);
CREATE INDEX ix_reversals_user_id ON payment.reversals (user_id);
CREATE TABLE payment.reconcile_runs (
  id uuid CONSTRAINT pk_reconcile_runs PRIMARY KEY,
  scope text NOT NULL CONSTRAINT ck_reconcile_runs_scope_known CHECK (scope IN ('pending','all','user')),
  user_id uuid,
  requested_by uuid,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  checked integer NOT NULL DEFAULT 0,
  drifted integer NOT NULL DEFAULT 0,
  healed integer NOT NULL DEFAULT 0,
  details jsonb NOT NULL DEFAULT '[]',
  CONSTRAINT ck_reconcile_runs_user_scope_names_one CHECK ((scope = 'user') = (user_id IS NOT NULL)));
CREATE INDEX ix_reconcile_runs_scope_started_at ON payment.reconcile_runs (scope, started_at);
"""
DOWN = """
DROP TABLE payment.reconcile_runs;
DROP TABLE payment.reversals;
DROP INDEX payment.ix_subscriptions_created_at;
DROP TABLE payment.former_customers;
ALTER TABLE payment.customers DROP COLUMN deleted_at, DROP COLUMN generation;
DELETE FROM payment.customer_syncs WHERE lookup IS NOT NULL;
ALTER TABLE payment.customer_syncs DROP COLUMN lookup;
DROP INDEX payment.ix_webhook_inbox_received_at_event_id;
UPDATE payment.webhook_inbox SET last_error = reason WHERE state = 'ignored';
ALTER TABLE payment.webhook_inbox DROP COLUMN reason;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Remove them, with what was kept there."""
    op.execute(DOWN)
