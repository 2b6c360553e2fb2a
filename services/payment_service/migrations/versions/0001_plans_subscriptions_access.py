"""Plans, subscriptions, access, checkouts, invoices, the webhook inbox and its queue."""

from alembic import op

from common_events.ddl import MESSAGING_V1
from common_service.ddl import IDEMPOTENCY_KEYS_V1

revision = "0001"
down_revision = None

PLANS = """
CREATE TABLE payment.plans (
  code text CONSTRAINT pk_plans PRIMARY KEY CONSTRAINT ck_plans_code_shape CHECK (code ~ '^[a-z0-9_]{2,32}$'),
  name text NOT NULL,
  rank smallint NOT NULL CONSTRAINT uq_plans_rank UNIQUE,
  is_default boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  description text NOT NULL DEFAULT '');
CREATE UNIQUE INDEX uq_plans_one_default ON payment.plans (is_default) WHERE is_default;
CREATE TABLE payment.plan_prices (
  id uuid CONSTRAINT pk_plan_prices PRIMARY KEY,
  plan_code text NOT NULL CONSTRAINT fk_plan_prices_plan_code REFERENCES payment.plans(code),
  provider text NOT NULL DEFAULT 'stripe',
  provider_price_id text NOT NULL,
  currency char(3) NOT NULL,
  unit_amount integer NOT NULL CONSTRAINT ck_plan_prices_amount_positive CHECK (unit_amount >= 0),
  interval text NOT NULL CONSTRAINT ck_plan_prices_interval_known CHECK (interval IN ('month','year')),
  active boolean NOT NULL DEFAULT true,
  CONSTRAINT uq_plan_prices_provider_provider_price_id UNIQUE (provider, provider_price_id));
CREATE UNIQUE INDEX uq_plan_prices_one_active ON payment.plan_prices (plan_code, provider, currency, interval)
  WHERE active;
CREATE TABLE payment.plan_entitlements (
  id uuid CONSTRAINT pk_plan_entitlements PRIMARY KEY DEFAULT gen_random_uuid(),
  plan_code text NOT NULL CONSTRAINT fk_plan_entitlements_plan_code REFERENCES payment.plans(code),
  feature text NOT NULL,
  kind text NOT NULL CONSTRAINT ck_plan_entitlements_kind_known CHECK (kind IN ('flag','limit','config')),
  flag boolean,
  limit_value bigint CONSTRAINT ck_plan_entitlements_limit_positive CHECK (limit_value >= 0),
  unlimited boolean NOT NULL DEFAULT false,
  window_kind text CONSTRAINT ck_plan_entitlements_window_known
    CHECK (window_kind IN ('day','month','period','concurrent','total')),
  config jsonb,
  valid_from timestamptz NOT NULL DEFAULT now(),
  valid_to timestamptz,
  changed_by uuid,
  reason text,
  CONSTRAINT ck_plan_entitlements_flag_has_value CHECK ((kind = 'flag') = (flag IS NOT NULL)),
  CONSTRAINT ck_plan_entitlements_config_has_value CHECK ((kind = 'config') = (config IS NOT NULL)),
  CONSTRAINT ck_plan_entitlements_limit_or_unlimited
    CHECK (kind <> 'limit' OR (unlimited <> (limit_value IS NOT NULL) AND window_kind IS NOT NULL)),
  CONSTRAINT ck_plan_entitlements_validity_forward CHECK (valid_to IS NULL OR valid_to > valid_from));
CREATE UNIQUE INDEX uq_plan_entitlements_one_current ON payment.plan_entitlements (plan_code, feature)
  WHERE valid_to IS NULL;
"""
BILLING = """
CREATE TABLE payment.customers (
  user_id uuid CONSTRAINT pk_customers PRIMARY KEY,
  provider text NOT NULL DEFAULT 'stripe',
  provider_customer_id text NOT NULL,
  created_at timestamptz NOT NULL,
  erased_at timestamptz,
  CONSTRAINT uq_customers_provider_provider_customer_id UNIQUE (provider, provider_customer_id));
CREATE TABLE payment.subscriptions (
  id uuid CONSTRAINT pk_subscriptions PRIMARY KEY,
  user_id uuid NOT NULL,
  provider text NOT NULL DEFAULT 'stripe',
  provider_subscription_id text NOT NULL,
  plan_code text NOT NULL CONSTRAINT fk_subscriptions_plan_code REFERENCES payment.plans(code),
  provider_status text NOT NULL CONSTRAINT ck_subscriptions_status_known CHECK (provider_status IN
    ('incomplete','incomplete_expired','trialing','active','past_due','canceled','unpaid','paused','unknown')),
  current_period_start timestamptz,
  current_period_end timestamptz,
  trial_end timestamptz,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  past_due_since timestamptz,
  grace_until timestamptz,
  latest_invoice_id text,
  superseded boolean NOT NULL DEFAULT false,
  provider_object_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  CONSTRAINT uq_subscriptions_provider_provider_subscription_id UNIQUE (provider, provider_subscription_id),
  CONSTRAINT ck_subscriptions_past_due_has_start
    CHECK ((provider_status = 'past_due') <= (past_due_since IS NOT NULL)));
CREATE UNIQUE INDEX uq_subscriptions_one_live ON payment.subscriptions (user_id)
  WHERE provider_status NOT IN ('canceled','incomplete_expired') AND NOT superseded;
CREATE INDEX ix_subscriptions_user_id ON payment.subscriptions (user_id);
CREATE INDEX ix_subscriptions_grace_until ON payment.subscriptions (grace_until) WHERE provider_status = 'past_due';
CREATE TABLE payment.access_versions (
  user_id uuid NOT NULL,
  version bigint NOT NULL,
  state text NOT NULL CONSTRAINT ck_access_versions_state_known CHECK (state IN
    ('none','pending','trialing','active','grace','delinquent','paused','ended')),
  entitled boolean NOT NULL,
  plan_code text NOT NULL CONSTRAINT fk_access_versions_plan_code REFERENCES payment.plans(code),
  features jsonb NOT NULL,
  period_start timestamptz,
  period_end timestamptz,
  reason text,
  next_change_at timestamptz,
  cause_type text NOT NULL CONSTRAINT ck_access_versions_cause_known CHECK (cause_type IN
    ('signup','webhook','reconcile','override','grant','plan_change','timer','erasure','manual')),
  cause_id text NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  CONSTRAINT pk_access_versions PRIMARY KEY (user_id, version),
  CONSTRAINT ck_access_versions_validity_forward CHECK (valid_to IS NULL OR valid_to >= valid_from));
CREATE UNIQUE INDEX uq_access_versions_one_current ON payment.access_versions (user_id) WHERE valid_to IS NULL;
CREATE INDEX ix_access_versions_next_change_at ON payment.access_versions (next_change_at)
  WHERE valid_to IS NULL AND next_change_at IS NOT NULL;
CREATE TABLE payment.invoices (
  id uuid CONSTRAINT pk_invoices PRIMARY KEY,
  user_id uuid NOT NULL,
  provider_invoice_id text NOT NULL CONSTRAINT uq_invoices_provider_invoice_id UNIQUE,
  provider_subscription_id text,
  number text,
  status text NOT NULL CONSTRAINT ck_invoices_status_known
    CHECK (status IN ('draft','open','paid','uncollectible','void')),
  currency char(3) NOT NULL,
  amount_due bigint NOT NULL,
  amount_paid bigint NOT NULL,
  attempt_count integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  hosted_url text,
  period_start timestamptz,
  period_end timestamptz,
  finalized_at timestamptz,
  paid_at timestamptz,
  provider_object_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL);
CREATE INDEX ix_invoices_user_id_created_at_id ON payment.invoices (user_id, created_at DESC, id DESC);
CREATE TABLE payment.checkout_sessions (
  id uuid CONSTRAINT pk_checkout_sessions PRIMARY KEY,
  user_id uuid NOT NULL,
  provider_session_id text CONSTRAINT uq_checkout_sessions_provider_session_id UNIQUE,
  plan_code text NOT NULL CONSTRAINT fk_checkout_sessions_plan_code REFERENCES payment.plans(code),
  price_id uuid NOT NULL CONSTRAINT fk_checkout_sessions_price_id REFERENCES payment.plan_prices(id),
  return_path text NOT NULL,
  request_key text NOT NULL,
  state text NOT NULL CONSTRAINT ck_checkout_sessions_state_known
    CHECK (state IN ('creating','open','complete','expired','failed')),
  url text,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT ck_checkout_sessions_open_has_page
    CHECK (state <> 'open' OR (provider_session_id IS NOT NULL AND url IS NOT NULL)));
CREATE UNIQUE INDEX uq_checkout_sessions_one_unfinished ON payment.checkout_sessions (user_id)
  WHERE state IN ('creating','open');
"""
WEBHOOKS = """
CREATE TABLE payment.webhook_inbox (
  provider text NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  api_version text,
  livemode boolean NOT NULL,
  object_id text,
  provider_customer_id text,
  provider_created_at timestamptz NOT NULL,
  payload jsonb NOT NULL,
  payload_sha256 bytea NOT NULL,
  state text NOT NULL CONSTRAINT ck_webhook_inbox_state_known
    CHECK (state IN ('received','processing','processed','ignored','failed','dead')),
  attempts integer NOT NULL DEFAULT 0,
  deliveries integer NOT NULL DEFAULT 1,
  last_error text,
  received_at timestamptz NOT NULL,
  processed_at timestamptz,
  replayed_by uuid,
  CONSTRAINT pk_webhook_inbox PRIMARY KEY (provider, event_id));
CREATE INDEX ix_webhook_inbox_unprocessed ON payment.webhook_inbox (provider_customer_id)
  WHERE state IN ('received','processing','failed');
CREATE INDEX ix_webhook_inbox_object_id_provider_created_at ON payment.webhook_inbox (object_id, provider_created_at);
CREATE TABLE payment.customer_syncs (
  provider text NOT NULL,
  provider_customer_id text NOT NULL,
  requests bigint NOT NULL DEFAULT 1,
  answered bigint NOT NULL DEFAULT 0,
  cause_type text NOT NULL,
  cause_id text NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  dead boolean NOT NULL DEFAULT false,
  fence bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  last_error text,
  finished_at timestamptz,
  CONSTRAINT pk_customer_syncs PRIMARY KEY (provider, provider_customer_id),
  CONSTRAINT ck_customer_syncs_answered_was_asked CHECK (answered <= requests));
CREATE INDEX ix_customer_syncs_due_at ON payment.customer_syncs (due_at) WHERE requests > answered AND NOT dead;
"""
CATALOGUE = """
INSERT INTO payment.plans (code, name, rank, is_default, description) VALUES
  ('free', 'Free', 0, true, 'Look around.'),
  ('pro', 'Pro', 1, false, 'Ten stories a day, unlimited chats.'),
  ('max', 'Max', 2, false, 'Thirty stories a day, four at once, first in line.');
INSERT INTO payment.plan_entitlements (plan_code, feature, kind, flag)
  SELECT plan, feature, 'flag', plan <> 'free'
  FROM unnest(ARRAY['free','pro','max']) AS plan,
       unnest(ARRAY['chat.access','story.generate','story.analyze','library.full','collab','community']) AS feature;
INSERT INTO payment.plan_entitlements (plan_code, feature, kind, config)
  SELECT plan, feature, 'config', value FROM (VALUES
    ('context.tokens', '12000', '64000', '64000'), ('models.tier', '"standard"', '"premium"', '"premium"'),
    ('priority', '0', '0', '1')) AS row (feature, free, pro, max),
    LATERAL (VALUES ('free', free::jsonb), ('pro', pro::jsonb), ('max', max::jsonb)) AS of (plan, value);
INSERT INTO payment.plan_entitlements (plan_code, feature, kind, window_kind, limit_value, unlimited)
  SELECT plan, feature, 'limit', window_kind, amount, amount IS NULL FROM (VALUES
    ('chats.day', 'day', 0, NULL, NULL), ('stories.day', 'day', 0, 10, 30),
    ('tokens.month', 'period', 0, 2000000, 6000000), ('premium.month', 'period', 0, 100, NULL),
    ('images.month', 'period', 0, 5, NULL), ('vision.month', 'period', 0, 10, NULL),
    ('narrations.month', 'period', 0, 10, 60), ('videos.month', 'period', 0, 0, 5),
    ('concurrent.generations', 'concurrent', 1, 2, 4), ('stories.retained', 'total', 1, 1, 1),
    ('stories.published', 'total', 0, 10, 50), ('cases.own', 'total', 0, 5, 50),
    ('characters.own', 'total', 0, 5, 50), ('memories.own', 'total', 0, 200, 2000)
    ) AS row (feature, window_kind, free, pro, max),
    LATERAL (VALUES ('free', free::bigint), ('pro', pro::bigint), ('max', max::bigint)) AS of (plan, amount);
"""
TABLES = (
    "customer_syncs",
    "webhook_inbox",
    "checkout_sessions",
    "invoices",
    "access_versions",
    "subscriptions",
    "customers",
    "plan_entitlements",
    "plan_prices",
    "plans",
    "idempotency_keys",
    "event_consumers",
    "dead_letters",
    "inbox",
    "outbox",
)


def upgrade() -> None:
    """Create everything, and put the shipped catalogue in it."""
    for statements in (PLANS, BILLING, WEBHOOKS, CATALOGUE):
        op.execute(statements)
    op.execute(MESSAGING_V1.format(schema="payment"))
    op.execute(IDEMPOTENCY_KEYS_V1.format(schema="payment"))


def downgrade() -> None:
    """Remove everything, with all data."""
    for table in TABLES:
        op.execute(f"DROP TABLE payment.{table}")
