"""Profiles with identities, consents and settings; the policy of roles; messaging."""

from alembic import op

from common_events.ddl import MESSAGING_V1

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE users.users (
  id uuid NOT NULL,
  username text NOT NULL,
  email text,
  email_verified boolean NOT NULL,
  display_name text CONSTRAINT ck_users_display_name_length CHECK (length(display_name) <= 80),
  locale text NOT NULL DEFAULT 'en',
  country char(2),
  status text NOT NULL DEFAULT 'active'
    CONSTRAINT ck_users_status_known CHECK (status IN ('active','suspended','erasing','erased')),
  version integer NOT NULL DEFAULT 1 CONSTRAINT ck_users_version_positive CHECK (version > 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT pk_users PRIMARY KEY (id),
  CONSTRAINT ck_users_erased_is_empty CHECK (status <> 'erased' OR (email IS NULL AND display_name IS NULL)));
CREATE UNIQUE INDEX uq_users_email ON users.users (lower(email)) WHERE status <> 'erased';
CREATE TABLE users.identities (
  provider text NOT NULL,
  provider_subject text NOT NULL,
  user_id uuid NOT NULL CONSTRAINT fk_identities_user_id REFERENCES users.users (id) ON DELETE CASCADE,
  linked_at timestamptz NOT NULL,
  CONSTRAINT pk_identities PRIMARY KEY (provider, provider_subject));
CREATE INDEX ix_identities_user_id ON users.identities (user_id);
CREATE TABLE users.consents (
  user_id uuid NOT NULL CONSTRAINT fk_consents_user_id REFERENCES users.users (id) ON DELETE CASCADE,
  kind text NOT NULL CONSTRAINT ck_consents_kind_known CHECK (kind IN ('adult','terms','marketing')),
  version text NOT NULL,
  given_at timestamptz NOT NULL,
  withdrawn_at timestamptz,
  CONSTRAINT pk_consents PRIMARY KEY (user_id, kind, version),
  CONSTRAINT ck_consents_withdrawn_after_given CHECK (withdrawn_at >= given_at));
CREATE TABLE users.user_settings (
  user_id uuid NOT NULL CONSTRAINT fk_user_settings_user_id REFERENCES users.users (id) ON DELETE CASCADE,
  content_intensity smallint NOT NULL DEFAULT 2
    CONSTRAINT ck_user_settings_content_intensity_range CHECK (content_intensity BETWEEN 0 AND 3),
  spoiler_safe boolean NOT NULL DEFAULT false,
  memory_enabled boolean NOT NULL DEFAULT true,
  prefs jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1 CONSTRAINT ck_user_settings_version_positive CHECK (version > 0),
  updated_at timestamptz NOT NULL,
  CONSTRAINT pk_user_settings PRIMARY KEY (user_id));
CREATE TABLE users.roles (
  code text NOT NULL,
  description text NOT NULL,
  cognito_group text NOT NULL,
  is_system boolean NOT NULL DEFAULT true,
  CONSTRAINT pk_roles PRIMARY KEY (code),
  CONSTRAINT uq_roles_cognito_group UNIQUE (cognito_group));
CREATE TABLE users.permissions (
  code text NOT NULL,
  description text NOT NULL,
  CONSTRAINT pk_permissions PRIMARY KEY (code));
CREATE TABLE users.role_permissions (
  role text NOT NULL CONSTRAINT fk_role_permissions_role REFERENCES users.roles (code) ON DELETE CASCADE,
  permission text NOT NULL
    CONSTRAINT fk_role_permissions_permission REFERENCES users.permissions (code) ON DELETE CASCADE,
  CONSTRAINT pk_role_permissions PRIMARY KEY (role, permission));
"""

_POLICY = """
INSERT INTO users.roles (code, description, cognito_group) VALUES
  ('admin', 'Runs the house', 'admin'),
  ('reader', 'Reads and writes stories', 'reader');
INSERT INTO users.permissions (code, description) VALUES
  ('users.read', 'See people and what they use'),
  ('users.write', 'Suspend and reinstate people, write notes'),
  ('roles.write', 'Give and take roles'),
  ('billing.read', 'See subscriptions, invoices and webhooks'),
  ('billing.write', 'Reconcile and replay billing'),
  ('entitlements.write', 'Grant, override and correct what people may use'),
  ('plans.write', 'Change what a plan gives'),
  ('settings.read', 'See the settings of the services'),
  ('settings.write', 'Change the settings of the services'),
  ('metrics.read', 'See figures of the business'),
  ('audit.read', 'See the audit log and the event archive'),
  ('logs.read', 'Search the logs'),
  ('alerts.read', 'See alerts and their rules'),
  ('alerts.write', 'Acknowledge and resolve alerts, change their rules'),
  ('ops.read', 'See dead letters'),
  ('ops.write', 'Redrive dead letters'),
  ('moderation.read', 'See moderation cases'),
  ('moderation.write', 'Decide moderation cases'),
  ('privacy.read', 'See privacy requests'),
  ('privacy.write', 'Open privacy requests on behalf of people');
INSERT INTO users.role_permissions (role, permission) SELECT 'admin', code FROM users.permissions;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(MESSAGING_V1.format(schema="users"))
    op.execute(_POLICY)


def downgrade() -> None:
    op.execute(
        "DROP TABLE users.role_permissions, users.permissions, users.roles, users.user_settings, users.consents,"
        " users.identities, users.users, users.outbox, users.event_consumers, users.inbox,"
        " users.dead_letters"
    )
