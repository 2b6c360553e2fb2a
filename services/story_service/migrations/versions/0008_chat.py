"""Chat: conversations, the trees of their messages, what was made short of them, and memories."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE story.conversations (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  title text NOT NULL,
  temporary boolean DEFAULT false NOT NULL,
  head_message_id uuid,
  forked_from uuid,
  message_count integer DEFAULT 0 NOT NULL,
  archived_at timestamptz,
  active_at timestamptz NOT NULL,
  version integer DEFAULT 1 NOT NULL,
  created_at timestamptz NOT NULL,
  deleted_at timestamptz,
  CONSTRAINT pk_conversations PRIMARY KEY (id)
);
CREATE INDEX ix_conversations_deleted_at ON story.conversations (deleted_at)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX ix_conversations_temporary ON story.conversations (active_at)
    WHERE temporary AND deleted_at IS NULL;
CREATE INDEX ix_conversations_user_id_active_at ON story.conversations (user_id, active_at DESC, id DESC)
    WHERE deleted_at IS NULL AND NOT temporary;
CREATE TABLE story.conversation_characters (
  conversation_id uuid NOT NULL,
  character_id uuid NOT NULL,
  seat smallint NOT NULL,
  CONSTRAINT pk_conversation_characters PRIMARY KEY (conversation_id, character_id),
  CONSTRAINT uq_conversation_characters_conversation_id_seat UNIQUE (conversation_id, seat),
  CONSTRAINT ck_conversation_characters_seat_in_range CHECK (seat BETWEEN 1 AND 5),
  CONSTRAINT fk_conversation_characters_conversation_id FOREIGN KEY(conversation_id)
    REFERENCES story.conversations (id) ON DELETE CASCADE,
  CONSTRAINT fk_conversation_characters_character_id FOREIGN KEY(character_id)
    REFERENCES story.characters (id)
);
CREATE TABLE story.messages (
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  seq integer NOT NULL,
  parent_id uuid,
  depth integer NOT NULL,
  jump_id uuid NOT NULL,
  jump_depth integer NOT NULL,
  author text NOT NULL,
  character_id uuid,
  content text NOT NULL,
  state text NOT NULL,
  generation_id uuid,
  pinned boolean DEFAULT false NOT NULL,
  tokens integer NOT NULL,
  suggestions text[] DEFAULT '{}' NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_messages PRIMARY KEY (id),
  CONSTRAINT uq_messages_conversation_id_seq UNIQUE (conversation_id, seq),
  CONSTRAINT uq_messages_conversation_id_id UNIQUE (conversation_id, id),
  CONSTRAINT fk_messages_parent FOREIGN KEY(conversation_id, parent_id)
    REFERENCES story.messages (conversation_id, id),
  CONSTRAINT ck_messages_author_known CHECK (author IN ('user','character')),
  CONSTRAINT ck_messages_character_named
    CHECK ((author = 'character') = (character_id IS NOT NULL)),
  CONSTRAINT ck_messages_state_known
    CHECK (state IN ('streaming','complete','partial','blocked','failed','deleted')),
  CONSTRAINT ck_messages_root_has_no_parent CHECK ((parent_id IS NULL) = (depth = 0)),
  CONSTRAINT ck_messages_jumps_upwards CHECK (jump_depth < depth OR jump_id = id),
  CONSTRAINT fk_messages_conversation_id FOREIGN KEY(conversation_id)
    REFERENCES story.conversations (id) ON DELETE CASCADE,
  CONSTRAINT fk_messages_character_id FOREIGN KEY(character_id)
    REFERENCES story.characters (id),
  CONSTRAINT uq_messages_generation_id UNIQUE (generation_id),
  CONSTRAINT fk_messages_generation_id FOREIGN KEY(generation_id)
    REFERENCES story.generations (id)
);
CREATE INDEX ix_messages_parent ON story.messages (conversation_id, parent_id, seq);
CREATE INDEX ix_messages_pinned ON story.messages (conversation_id)
    WHERE pinned;
CREATE INDEX ix_messages_streaming ON story.messages (conversation_id)
    WHERE state = 'streaming';
CREATE TABLE story.message_reactions (
  message_id uuid NOT NULL,
  user_id uuid NOT NULL,
  value smallint NOT NULL,
  reason text,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_message_reactions PRIMARY KEY (message_id, user_id),
  CONSTRAINT ck_message_reactions_value_known CHECK (value IN (-1,1)),
  CONSTRAINT fk_message_reactions_message_id FOREIGN KEY(message_id)
    REFERENCES story.messages (id) ON DELETE CASCADE
);
CREATE TABLE story.conversation_summaries (
  message_id uuid NOT NULL,
  content text NOT NULL,
  tokens integer NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_conversation_summaries PRIMARY KEY (message_id),
  CONSTRAINT fk_conversation_summaries_message_id FOREIGN KEY(message_id)
    REFERENCES story.messages (id) ON DELETE CASCADE
);
CREATE TABLE story.memories (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  scope text NOT NULL,
  conversation_id uuid,
  trigger_keys text[] NOT NULL,
  content text NOT NULL,
  pinned boolean NOT NULL,
  enabled boolean NOT NULL,
  priority smallint NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_memories PRIMARY KEY (id),
  CONSTRAINT ck_memories_scope_known CHECK (scope IN ('user','conversation')),
  CONSTRAINT ck_memories_scope_named
    CHECK ((scope = 'conversation') = (conversation_id IS NOT NULL)),
  CONSTRAINT ck_memories_content_length CHECK (length(content) <= 2000),
  CONSTRAINT fk_memories_conversation_id FOREIGN KEY(conversation_id)
    REFERENCES story.conversations (id) ON DELETE CASCADE
);
CREATE INDEX ix_memories_conversation_id ON story.memories (conversation_id);
CREATE INDEX ix_memories_user_id ON story.memories (user_id, created_at DESC, id DESC);
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take them away."""
    tables = ("memories", "conversation_summaries", "message_reactions", "messages", "conversation_characters")
    op.execute(f"DROP TABLE {', '.join(f'story.{table}' for table in tables)}, story.conversations")
