"""Providers as rows: where models are called, in which dialect, and which of a tier stand in for one another.

Rows of a provider whose key is not set are offered to nobody. Prices and windows are those that the providers published
when this was written: whoever sets a key looks at them first, and adds a row of a later `valid_from` where they moved.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE story.providers (
  provider text NOT NULL,
  base_url text,
  secret_setting text NOT NULL,
  output_limit text DEFAULT 'max_tokens' NOT NULL,
  tells_usage boolean DEFAULT true NOT NULL,
  active boolean DEFAULT true NOT NULL,
  CONSTRAINT pk_providers PRIMARY KEY (provider),
  CONSTRAINT ck_providers_output_limit_known CHECK (output_limit IN ('max_tokens','max_completion_tokens')),
  CONSTRAINT ck_providers_secret_named CHECK (secret_setting ~ '^[A-Z][A-Z0-9_]*_API_KEY$'),
  CONSTRAINT ck_providers_base_url_absolute CHECK (base_url ~ '^https?://')
);
INSERT INTO story.providers (provider, base_url, secret_setting, output_limit)
VALUES
  ('openai', NULL, 'OPENAI_API_KEY', 'max_completion_tokens'),
  ('anthropic', 'https://api.anthropic.com/v1', 'ANTHROPIC_API_KEY', 'max_tokens'),
  ('gemini', 'https://generativelanguage.googleapis.com/v1beta/openai', 'GEMINI_API_KEY', 'max_tokens'),
  ('groq', 'https://api.groq.com/openai/v1', 'GROQ_API_KEY', 'max_completion_tokens'),
  ('deepseek', 'https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY', 'max_tokens');
ALTER TABLE story.model_catalog ADD COLUMN fallback_rank smallint;
ALTER TABLE story.model_catalog
  ADD CONSTRAINT fk_model_catalog_provider FOREIGN KEY (provider) REFERENCES story.providers (provider);
UPDATE story.model_catalog SET fallback_rank = 1
"""

MODELS = """
INSERT INTO story.model_catalog
  (model, valid_from, provider, tier, modality, input_micros_per_mtok, output_micros_per_mtok,
   cached_input_micros_per_mtok, weight_milli, context_tokens, max_output_tokens, fallback_rank)
VALUES
  ('claude-haiku-4-5', '2025-10-15T00:00:00Z', 'anthropic', 'standard', 'text',
   1000000, 5000000, 100000, 2500, 200000, 64000, 4),
  ('claude-sonnet-4-5', '2025-09-29T00:00:00Z', 'anthropic', 'premium', 'text',
   3000000, 15000000, 300000, 7500, 200000, 64000, 2),
  ('gemini-2.5-flash', '2025-06-17T00:00:00Z', 'gemini', 'standard', 'text',
   300000, 2500000, 30000, 1250, 1048576, 65536, 2),
  ('gemini-2.5-pro', '2025-06-17T00:00:00Z', 'gemini', 'premium', 'text',
   1250000, 10000000, 125000, 5000, 1048576, 65536, 3),
  ('llama-3.3-70b-versatile', '2025-01-01T00:00:00Z', 'groq', 'standard', 'text',
   590000, 790000, NULL, 1000, 131072, 32768, 3),
  ('deepseek-chat', '2025-09-29T00:00:00Z', 'deepseek', 'standard', 'text',
   280000, 420000, 28000, 1000, 128000, 8192, 5)
"""

READ_ONLY = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'svc_story') THEN
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON story.providers FROM svc_story;
  END IF;
END $$
"""


def upgrade() -> None:
    """Add the providers and what they serve."""
    op.execute(TABLES)
    op.execute(MODELS)
    op.execute(READ_ONLY)


def downgrade() -> None:
    """Keep OpenAI's models alone."""
    op.execute("DELETE FROM story.model_catalog WHERE provider <> 'openai'")
    op.execute("ALTER TABLE story.model_catalog DROP CONSTRAINT fk_model_catalog_provider, DROP COLUMN fallback_rank")
    op.execute("DROP TABLE story.providers")
