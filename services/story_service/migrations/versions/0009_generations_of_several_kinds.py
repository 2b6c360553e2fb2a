"""Generations of several kinds, of which one may wait for another; what a plan keeps of stories goes to the request."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BEFORE = "'story','chat','continuation','analysis','image','narration','video','transcription'"
_SINCE = f"{_BEFORE},'rewrite','summary'"


def upgrade() -> None:
    """Add what orders generations, and move what only stories know."""
    op.execute(
        """
        ALTER TABLE story.generations
          ADD COLUMN chain_id uuid,
          ADD COLUMN waits_for uuid,
          ADD COLUMN queued_at timestamptz,
          ADD COLUMN priority smallint DEFAULT 0 NOT NULL
        """
    )
    op.execute("CREATE INDEX ix_generations_chain ON story.generations (chain_id) WHERE chain_id IS NOT NULL")
    _know(_SINCE)
    op.execute(
        """
        UPDATE story.generations
           SET request = request || jsonb_build_object('retained', quote -> 'retained'), quote = quote - 'retained'
         WHERE quote ? 'retained'
        """
    )


def downgrade() -> None:
    """Take it back; kinds that nobody knew before become continuations and analyses."""
    op.execute("UPDATE story.generations SET kind = 'continuation' WHERE kind = 'rewrite'")
    op.execute("UPDATE story.generations SET kind = 'analysis' WHERE kind = 'summary'")
    op.execute(
        """
        UPDATE story.generations
           SET quote = quote || jsonb_build_object('retained', request -> 'retained'), request = request - 'retained'
         WHERE request ? 'retained'
        """
    )
    _know(_BEFORE)
    op.execute("DROP INDEX story.ix_generations_chain")
    op.execute(
        """
        ALTER TABLE story.generations
          DROP COLUMN chain_id, DROP COLUMN waits_for, DROP COLUMN queued_at, DROP COLUMN priority
        """
    )


def _know(kinds: str) -> None:
    op.execute("ALTER TABLE story.generations DROP CONSTRAINT ck_generations_kind_known")
    op.execute(f"ALTER TABLE story.generations ADD CONSTRAINT ck_generations_kind_known CHECK (kind IN ({kinds}))")
