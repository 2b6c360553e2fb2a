"""Stories, the generations that write them, what they cost, and the usual messaging and idempotency tables."""

from alembic import op

from common_events.ddl import MESSAGING_V1
from common_service.ddl import IDEMPOTENCY_KEYS_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE story.generations (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  payer_id uuid NOT NULL,
  kind text NOT NULL,
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  model text NOT NULL,
  provider text NOT NULL,
  request jsonb NOT NULL,
  access_version bigint NOT NULL,
  state text NOT NULL,
  billing_state text NOT NULL,
  attempt smallint NOT NULL,
  lease_owner text,
  lease_until timestamptz,
  fence bigint NOT NULL,
  quote jsonb NOT NULL,
  usage jsonb,
  usage_estimated boolean NOT NULL,
  cost_micros bigint,
  error_code text,
  last_seq integer NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  first_token_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT pk_generations PRIMARY KEY (id),
  CONSTRAINT ck_generations_kind_known
    CHECK (kind IN ('story','chat','continuation','analysis','image','narration','video','transcription')),
  CONSTRAINT ck_generations_state_known
    CHECK (state IN ('accepted','running','finishing','succeeded','blocked','failed','cancelled','expired')),
  CONSTRAINT ck_generations_billing_state_known CHECK (billing_state IN ('reserved','settled','released')),
  CONSTRAINT ck_generations_closed_has_time
    CHECK ((state IN ('succeeded','blocked','failed','cancelled','expired')) = (finished_at IS NOT NULL)),
  CONSTRAINT ck_generations_closed_holds_no_money CHECK (finished_at IS NULL OR billing_state <> 'reserved'),
  CONSTRAINT ck_generations_succeeded_is_settled CHECK (state <> 'succeeded' OR billing_state = 'settled')
);
CREATE INDEX ix_generations_open ON story.generations (lease_until NULLS FIRST, created_at)
    WHERE state IN ('accepted','running','finishing');
CREATE INDEX ix_generations_payer_open ON story.generations (payer_id)
    WHERE state IN ('accepted','running','finishing');
CREATE INDEX ix_generations_user_id_created_at ON story.generations (user_id, created_at DESC);
CREATE TABLE story.ledger_entries (
  user_id uuid NOT NULL,
  seq bigint NOT NULL,
  meter text NOT NULL,
  kind text NOT NULL,
  amount bigint NOT NULL,
  reservation_id uuid,
  ref text,
  reserved_after bigint NOT NULL,
  settled_after bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT pk_ledger_entries PRIMARY KEY (user_id, seq),
  CONSTRAINT ck_ledger_entries_seq_positive CHECK (seq > 0),
  CONSTRAINT ck_ledger_entries_kind_known CHECK (kind IN ('reserve','settle','release','grant','void','adjust')),
  CONSTRAINT ck_ledger_entries_prev_hash_length CHECK (length(prev_hash) = 32),
  CONSTRAINT ck_ledger_entries_hash_length CHECK (length(hash) = 32)
);
CREATE UNIQUE INDEX uq_ledger_entries_once ON story.ledger_entries (reservation_id, meter, kind)
    WHERE reservation_id IS NOT NULL;
CREATE TABLE story.ledger_heads (
  user_id uuid NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT pk_ledger_heads PRIMARY KEY (user_id)
);
CREATE TABLE story.model_catalog (
  model text NOT NULL,
  valid_from timestamptz NOT NULL,
  provider text NOT NULL,
  tier text NOT NULL,
  modality text NOT NULL,
  input_micros_per_mtok bigint NOT NULL,
  output_micros_per_mtok bigint NOT NULL,
  cached_input_micros_per_mtok bigint,
  weight_milli integer DEFAULT 1000 NOT NULL,
  context_tokens integer NOT NULL,
  max_output_tokens integer NOT NULL,
  active boolean DEFAULT true NOT NULL,
  CONSTRAINT pk_model_catalog PRIMARY KEY (model, valid_from),
  CONSTRAINT ck_model_catalog_tier_known CHECK (tier IN ('standard','premium')),
  CONSTRAINT ck_model_catalog_modality_known CHECK (modality IN ('text','image','speech','transcribe','video')),
  CONSTRAINT ck_model_catalog_weight_positive CHECK (weight_milli > 0)
);
CREATE TABLE story.moderation_decisions (
  id uuid NOT NULL,
  subject_user_id uuid,
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  stage text NOT NULL,
  provider text NOT NULL,
  policy_version text NOT NULL,
  verdict text NOT NULL,
  categories jsonb NOT NULL,
  reason_codes text[] NOT NULL,
  statement text DEFAULT '' NOT NULL,
  content_sha256 bytea NOT NULL,
  automated boolean NOT NULL,
  decided_by uuid,
  supersedes uuid,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_moderation_decisions PRIMARY KEY (id),
  CONSTRAINT ck_moderation_decisions_stage_known
    CHECK (stage IN ('input','output','publish','report','appeal','takedown')),
  CONSTRAINT ck_moderation_decisions_verdict_known CHECK (verdict IN ('allow','flag','block','restore')),
  CONSTRAINT ck_moderation_decisions_one_decider CHECK (automated <> (decided_by IS NOT NULL)),
  CONSTRAINT ck_moderation_decisions_block_has_reason CHECK (verdict <> 'block' OR cardinality(reason_codes) > 0),
  CONSTRAINT fk_moderation_decisions_supersedes FOREIGN KEY(supersedes) REFERENCES story.moderation_decisions (id)
);
CREATE INDEX ix_moderation_decisions_target ON story.moderation_decisions (target_type, target_id, created_at);
CREATE TABLE story.usage_windows (
  user_id uuid NOT NULL,
  meter text NOT NULL,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  reserved bigint DEFAULT 0 NOT NULL,
  settled bigint DEFAULT 0 NOT NULL,
  CONSTRAINT pk_usage_windows PRIMARY KEY (user_id, meter, window_start),
  CONSTRAINT ck_usage_windows_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT ck_usage_windows_settled_not_negative CHECK (settled >= 0),
  CONSTRAINT ck_usage_windows_ends_after_start CHECK (window_end > window_start)
);
CREATE TABLE story.generation_chunks (
  generation_id uuid NOT NULL,
  seq integer NOT NULL,
  kind text NOT NULL,
  data text NOT NULL,
  created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT pk_generation_chunks PRIMARY KEY (generation_id, seq),
  CONSTRAINT ck_generation_chunks_seq_positive CHECK (seq > 0),
  CONSTRAINT ck_generation_chunks_kind_known CHECK (kind IN ('delta','meta','citation','notice','done','error')),
  CONSTRAINT fk_generation_chunks_generation_id FOREIGN KEY(generation_id)
    REFERENCES story.generations (id) ON DELETE CASCADE
);
CREATE TABLE story.reservations (
  id uuid NOT NULL,
  generation_id uuid NOT NULL,
  payer_id uuid NOT NULL,
  state text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  closed_at timestamptz,
  CONSTRAINT pk_reservations PRIMARY KEY (id),
  CONSTRAINT ck_reservations_state_known CHECK (state IN ('open','settled','released')),
  CONSTRAINT ck_reservations_closed_has_time CHECK ((state = 'open') = (closed_at IS NULL)),
  CONSTRAINT uq_reservations_generation_id UNIQUE (generation_id),
  CONSTRAINT fk_reservations_generation_id FOREIGN KEY(generation_id) REFERENCES story.generations (id)
);
CREATE INDEX ix_reservations_open ON story.reservations (expires_at) WHERE state = 'open';
CREATE TABLE story.stories (
  id uuid NOT NULL,
  user_id uuid,
  title text DEFAULT '' NOT NULL,
  synopsis text DEFAULT '' NOT NULL,
  body text DEFAULT '' NOT NULL,
  truth_mode text NOT NULL,
  language text DEFAULT 'en' NOT NULL,
  origin text NOT NULL,
  is_latest boolean DEFAULT false NOT NULL,
  generation_id uuid,
  token_cost bigint DEFAULT 0 NOT NULL,
  cost_micros bigint DEFAULT 0 NOT NULL,
  state text NOT NULL,
  moderation_status text DEFAULT 'pending' NOT NULL,
  publish_state text DEFAULT 'draft' NOT NULL,
  published_at timestamptz,
  version integer DEFAULT 1 NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  CONSTRAINT pk_stories PRIMARY KEY (id),
  CONSTRAINT ck_stories_truth_mode_known CHECK (truth_mode IN ('fiction','inspired','documented')),
  CONSTRAINT ck_stories_origin_known CHECK (origin IN ('generated','house','cloned')),
  CONSTRAINT ck_stories_state_known CHECK (state IN ('generating','ready','failed')),
  CONSTRAINT ck_stories_moderation_status_known CHECK (moderation_status IN ('pending','approved','flagged','blocked')),
  CONSTRAINT ck_stories_publish_state_known
    CHECK (publish_state IN ('draft','in_review','published','unlisted','withdrawn')),
  CONSTRAINT ck_stories_published_is_approved
    CHECK (publish_state NOT IN ('published','unlisted') OR (state = 'ready' AND moderation_status = 'approved')),
  CONSTRAINT ck_stories_has_reader CHECK (origin = 'house' OR user_id IS NOT NULL),
  CONSTRAINT fk_stories_generation_id FOREIGN KEY(generation_id) REFERENCES story.generations (id)
);
CREATE INDEX ix_stories_user_id_created_at ON story.stories (user_id, created_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX uq_stories_one_latest ON story.stories (user_id) WHERE is_latest AND deleted_at IS NULL;
CREATE TABLE story.reservation_lines (
  reservation_id uuid NOT NULL,
  line_no smallint NOT NULL,
  meter text NOT NULL,
  source text NOT NULL,
  window_start timestamptz,
  window_end timestamptz,
  reserved bigint NOT NULL,
  settled bigint,
  CONSTRAINT pk_reservation_lines PRIMARY KEY (reservation_id, line_no),
  CONSTRAINT ck_reservation_lines_source_known CHECK (source IN ('window','grant')),
  CONSTRAINT ck_reservation_lines_window_named CHECK ((source = 'window') = (window_start IS NOT NULL)),
  CONSTRAINT ck_reservation_lines_window_whole CHECK ((window_start IS NULL) = (window_end IS NULL)),
  CONSTRAINT ck_reservation_lines_reserved_not_negative CHECK (reserved >= 0),
  CONSTRAINT ck_reservation_lines_settled_not_negative CHECK (settled >= 0),
  CONSTRAINT ck_reservation_lines_price_cap CHECK (settled IS NULL OR settled <= reserved),
  CONSTRAINT fk_reservation_lines_reservation_id FOREIGN KEY(reservation_id)
    REFERENCES story.reservations (id) ON DELETE CASCADE
);
"""

APPEND_ONLY = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'svc_story') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON story.ledger_entries, story.moderation_decisions FROM svc_story;
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON story.model_catalog FROM svc_story;
  END IF;
END $$
"""

MODELS = """
INSERT INTO story.model_catalog
  (model, valid_from, provider, tier, modality, input_micros_per_mtok, output_micros_per_mtok,
   cached_input_micros_per_mtok, weight_milli, context_tokens, max_output_tokens)
VALUES
  ('gpt-5-mini', '2025-08-07T00:00:00Z', 'openai', 'standard', 'text', 250000, 2000000, 25000, 1000, 400000, 128000),
  ('gpt-5', '2025-08-07T00:00:00Z', 'openai', 'premium', 'text', 1250000, 10000000, 125000, 5000, 400000, 128000)
"""


def upgrade() -> None:
    """Create everything, and the models that are offered from the first day."""
    op.execute(TABLES)
    op.execute(MESSAGING_V1.format(schema="story"))
    op.execute(IDEMPOTENCY_KEYS_V1.format(schema="story"))
    op.execute(MODELS)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    """Leave the schema empty."""
    for table in (
        "stories",
        "reservation_lines",
        "reservations",
        "generation_chunks",
        "generations",
        "usage_windows",
        "ledger_entries",
        "ledger_heads",
        "model_catalog",
        "moderation_decisions",
        "outbox",
        "event_consumers",
        "inbox",
        "dead_letters",
        "idempotency_keys",
    ):
        op.execute(f"DROP TABLE story.{table}")
