"""The moderation desk: cases, strikes, and the index by which somebody's decisions are found."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE story.moderation_cases (
  id uuid NOT NULL,
  kind text NOT NULL,
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  subject_user_id uuid,
  opened_by uuid,
  reporter_contact text,
  reason text,
  statement text NOT NULL,
  legal_basis text,
  appealed_decision uuid,
  appealed_decider uuid,
  state text NOT NULL,
  assignee uuid,
  decision_id uuid,
  due_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  resolved_at timestamptz,
  version integer NOT NULL,
  CONSTRAINT pk_moderation_cases PRIMARY KEY (id),
  CONSTRAINT ck_moderation_cases_kind_known CHECK (kind IN ('flag','report','appeal','takedown')),
  CONSTRAINT ck_moderation_cases_state_known
    CHECK (state IN ('open','in_review','upheld','overturned','dismissed','withdrawn')),
  CONSTRAINT ck_moderation_cases_appeal_names_decision
    CHECK ((kind = 'appeal') = (appealed_decision IS NOT NULL)),
  CONSTRAINT ck_moderation_cases_resolved_has_time
    CHECK ((state IN ('open','in_review')) = (resolved_at IS NULL)),
  CONSTRAINT ck_moderation_cases_takedown_has_legal_basis CHECK (kind <> 'takedown' OR legal_basis IS NOT NULL),
  CONSTRAINT ck_moderation_cases_another_reviewer
    CHECK (appealed_decider IS NULL OR assignee IS NULL OR assignee <> appealed_decider),
  CONSTRAINT fk_moderation_cases_appealed_decision
    FOREIGN KEY(appealed_decision) REFERENCES story.moderation_decisions (id),
  CONSTRAINT fk_moderation_cases_decision_id FOREIGN KEY(decision_id) REFERENCES story.moderation_decisions (id)
);
CREATE UNIQUE INDEX uq_moderation_cases_one_appeal ON story.moderation_cases (appealed_decision)
    WHERE kind = 'appeal' AND state <> 'withdrawn';
CREATE UNIQUE INDEX uq_moderation_cases_one_report ON story.moderation_cases (opened_by, target_type, target_id)
    WHERE kind = 'report' AND state IN ('open','in_review');
CREATE INDEX ix_moderation_cases_open ON story.moderation_cases (due_at, id) WHERE state IN ('open','in_review');
CREATE INDEX ix_moderation_cases_due_at ON story.moderation_cases (due_at, id);
CREATE TABLE story.user_strikes (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  decision_id uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  voided_at timestamptz,
  CONSTRAINT pk_user_strikes PRIMARY KEY (id),
  CONSTRAINT uq_user_strikes_decision_id UNIQUE (decision_id),
  CONSTRAINT fk_user_strikes_decision_id FOREIGN KEY(decision_id) REFERENCES story.moderation_decisions (id)
);
CREATE INDEX ix_user_strikes_standing ON story.user_strikes (user_id, expires_at) WHERE voided_at IS NULL;
CREATE INDEX ix_moderation_decisions_subject ON story.moderation_decisions
    (subject_user_id, created_at DESC, id DESC) WHERE verdict <> 'allow';
"""


def upgrade() -> None:
    """Add them."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP INDEX story.ix_moderation_decisions_subject")
    op.execute("DROP TABLE story.user_strikes, story.moderation_cases")
