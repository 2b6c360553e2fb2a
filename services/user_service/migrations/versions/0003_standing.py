"""Until when and why somebody is suspended, and whom their strikes are about to shut out."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE users.users ADD COLUMN status_until timestamptz, ADD COLUMN status_reason text,
          ADD CONSTRAINT ck_users_until_of_a_suspension CHECK (status_until IS NULL OR status = 'suspended');
        CREATE INDEX ix_users_status_until ON users.users (status_until) WHERE status_until IS NOT NULL;
        CREATE TABLE users.pending_suspensions (
          user_id uuid NOT NULL
            CONSTRAINT fk_pending_suspensions_user_id REFERENCES users.users (id) ON DELETE CASCADE,
          until timestamptz NOT NULL,
          due_at timestamptz NOT NULL,
          CONSTRAINT pk_pending_suspensions PRIMARY KEY (user_id));
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE users.pending_suspensions;
        ALTER TABLE users.users DROP COLUMN status_until, DROP COLUMN status_reason;
        """
    )
