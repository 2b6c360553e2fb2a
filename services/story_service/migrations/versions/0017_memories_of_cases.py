"""Memories that hold in all conversations about a case."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OF_CASES = """
ALTER TABLE story.memories
  ADD COLUMN case_id uuid CONSTRAINT fk_memories_case_id REFERENCES story.cases (id) ON DELETE CASCADE,
  DROP CONSTRAINT ck_memories_scope_known,
  ADD CONSTRAINT ck_memories_scope_known CHECK (scope IN ('user','conversation','case')),
  ADD CONSTRAINT ck_memories_case_named CHECK ((scope = 'case') = (case_id IS NOT NULL));
CREATE INDEX ix_memories_case_id ON story.memories (case_id) WHERE case_id IS NOT NULL;
"""
WITHOUT = """
DELETE FROM story.memories WHERE scope = 'case';
ALTER TABLE story.memories
  DROP COLUMN case_id,
  DROP CONSTRAINT ck_memories_scope_known,
  ADD CONSTRAINT ck_memories_scope_known CHECK (scope IN ('user','conversation'));
"""


def upgrade() -> None:
    """Let a memory name a case."""
    op.execute(OF_CASES)


def downgrade() -> None:
    """Forget those that do."""
    op.execute(WITHOUT)
