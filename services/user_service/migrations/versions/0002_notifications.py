"""Notifications, by which channels they are wanted, and e-mails on their way."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE users.notifications (
          id uuid NOT NULL,
          user_id uuid NOT NULL CONSTRAINT fk_notifications_user_id REFERENCES users.users (id) ON DELETE CASCADE,
          kind text NOT NULL,
          title text NOT NULL,
          body text NOT NULL,
          data jsonb NOT NULL DEFAULT '{}',
          dedupe_key text NOT NULL,
          created_at timestamptz NOT NULL,
          read_at timestamptz,
          CONSTRAINT pk_notifications PRIMARY KEY (id),
          CONSTRAINT uq_notifications_user_id_dedupe_key UNIQUE (user_id, dedupe_key));
        CREATE INDEX ix_notifications_user_id_created_at ON users.notifications (user_id, created_at DESC, id DESC);
        CREATE TABLE users.notification_prefs (
          user_id uuid NOT NULL
            CONSTRAINT fk_notification_prefs_user_id REFERENCES users.users (id) ON DELETE CASCADE,
          kind text NOT NULL,
          channel text NOT NULL
            CONSTRAINT ck_notification_prefs_channel_known CHECK (channel IN ('in_app','email')),
          enabled boolean NOT NULL,
          CONSTRAINT pk_notification_prefs PRIMARY KEY (user_id, kind, channel));
        CREATE TABLE users.outbound_messages (
          id uuid NOT NULL,
          user_id uuid NOT NULL CONSTRAINT fk_outbound_messages_user_id REFERENCES users.users (id) ON DELETE CASCADE,
          kind text NOT NULL,
          about text NOT NULL,
          subject text NOT NULL,
          body text NOT NULL,
          dedupe_key text NOT NULL,
          state text NOT NULL DEFAULT 'queued'
            CONSTRAINT ck_outbound_messages_state_known
            CHECK (state IN ('queued','sending','sent','failed','suppressed')),
          attempts integer NOT NULL DEFAULT 0,
          next_attempt_at timestamptz NOT NULL,
          ends_at timestamptz,
          provider_id text,
          last_error text,
          created_at timestamptz NOT NULL,
          sent_at timestamptz,
          CONSTRAINT pk_outbound_messages PRIMARY KEY (id),
          CONSTRAINT uq_outbound_messages_user_id_dedupe_key UNIQUE (user_id, dedupe_key),
          CONSTRAINT ck_outbound_messages_sent_has_a_moment CHECK ((state = 'sent') = (sent_at IS NOT NULL)));
        CREATE INDEX ix_outbound_messages_waiting ON users.outbound_messages (next_attempt_at)
          WHERE state IN ('queued','sending');
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE users.outbound_messages, users.notification_prefs, users.notifications")
