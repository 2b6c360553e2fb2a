"""The index of people, the archive of facts, usage by the hour; messaging."""

from alembic import op

from common_events.ddl import MESSAGING_V1

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE admin.user_index (
  user_id uuid NOT NULL,
  first_seen_at timestamptz NOT NULL,
  email text,
  display_name text,
  status text NOT NULL DEFAULT 'active',
  registered_at timestamptz,
  user_version bigint NOT NULL DEFAULT 0,
  plan_code text,
  access_state text,
  entitled boolean,
  access_version bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_user_index PRIMARY KEY (user_id),
  CONSTRAINT ck_user_index_versions CHECK (user_version >= 0 AND access_version >= 0));
CREATE INDEX ix_user_index_email ON admin.user_index (lower(email) text_pattern_ops);
CREATE INDEX ix_user_index_display_name ON admin.user_index (lower(display_name) text_pattern_ops);
CREATE INDEX ix_user_index_first_seen_at_user_id ON admin.user_index (first_seen_at, user_id);
CREATE TABLE admin.event_archive (
  event_id uuid NOT NULL,
  type text NOT NULL,
  source text NOT NULL,
  subject uuid,
  occurred_at timestamptz NOT NULL,
  envelope jsonb NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_event_archive PRIMARY KEY (event_id));
CREATE INDEX ix_event_archive_subject_occurred_at ON admin.event_archive (subject, occurred_at);
CREATE INDEX ix_event_archive_type_occurred_at ON admin.event_archive (type, occurred_at);
CREATE TABLE admin.user_hourly_usage (
  user_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  meter text NOT NULL,
  amount bigint NOT NULL,
  generations integer NOT NULL,
  CONSTRAINT pk_user_hourly_usage PRIMARY KEY (user_id, hour, meter));
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(MESSAGING_V1.format(schema="admin"))


def downgrade() -> None:
    op.execute(
        "DROP TABLE admin.user_hourly_usage, admin.event_archive, admin.user_index, admin.outbox,"
        " admin.event_consumers, admin.inbox, admin.dead_letters"
    )
