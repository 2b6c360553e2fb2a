"""Overrides and grants; what a version of access owes to grants, and to which admin."""

from alembic import op

revision = "access_1"
down_revision = "0001"

OVERRIDES = """
CREATE TABLE payment.entitlement_overrides (
  id uuid CONSTRAINT pk_entitlement_overrides PRIMARY KEY,
  user_id uuid NOT NULL,
  effect text NOT NULL CONSTRAINT ck_entitlement_overrides_effect_known CHECK (effect IN ('allow','deny','limit')),
  feature text NOT NULL DEFAULT '*',
  limit_value bigint CONSTRAINT ck_entitlement_overrides_limit_positive CHECK (limit_value >= 0),
  starts_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  reason text NOT NULL CONSTRAINT ck_entitlement_overrides_reason_given CHECK (length(reason) >= 5),
  source text NOT NULL DEFAULT 'admin' CONSTRAINT ck_entitlement_overrides_source_known
    CHECK (source IN ('admin','dispute','anomaly','moderation')),
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by uuid,
  revoke_reason text,
  CONSTRAINT ck_entitlement_overrides_validity_forward CHECK (expires_at > starts_at),
  CONSTRAINT ck_entitlement_overrides_limit_has_value CHECK ((effect = 'limit') = (limit_value IS NOT NULL)),
  CONSTRAINT ck_entitlement_overrides_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)));
CREATE INDEX ix_entitlement_overrides_user_id_expires_at ON payment.entitlement_overrides (user_id, expires_at);
"""
GRANTS = """
CREATE TABLE payment.entitlement_grants (
  id uuid CONSTRAINT pk_entitlement_grants PRIMARY KEY,
  user_id uuid NOT NULL,
  meter text NOT NULL,
  amount bigint NOT NULL CONSTRAINT ck_entitlement_grants_amount_positive CHECK (amount > 0),
  priority smallint NOT NULL DEFAULT 100,
  effective_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  source text NOT NULL CONSTRAINT ck_entitlement_grants_source_known
    CHECK (source IN ('referral','reward','promo','support','purchase','goodwill')),
  source_ref text NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  voided_at timestamptz,
  voided_by uuid,
  void_reason text,
  CONSTRAINT uq_entitlement_grants_source_source_ref UNIQUE (source, source_ref),
  CONSTRAINT ck_entitlement_grants_validity_forward CHECK (expires_at > effective_at));
CREATE INDEX ix_entitlement_grants_user_id_expires_at ON payment.entitlement_grants (user_id, expires_at);
"""
VERSIONS = """
ALTER TABLE payment.access_versions ADD COLUMN grants jsonb NOT NULL DEFAULT '[]', ADD COLUMN caused_by uuid;
"""


def upgrade() -> None:
    """Create both, and the two columns."""
    for statements in (OVERRIDES, GRANTS, VERSIONS):
        op.execute(statements)


def downgrade() -> None:
    """Remove them, with what they hold."""
    op.execute("ALTER TABLE payment.access_versions DROP COLUMN grants, DROP COLUMN caused_by")
    for table in ("entitlement_grants", "entitlement_overrides"):
        op.execute(f"DROP TABLE payment.{table}")
