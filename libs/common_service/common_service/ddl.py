"""Statements that migrations of every service share. Frozen: a change is a new version beside the old one."""

IDEMPOTENCY_KEYS_V1 = """
CREATE TABLE {schema}.idempotency_keys (
  principal text NOT NULL,
  route text NOT NULL,
  key text NOT NULL CONSTRAINT ck_idempotency_keys_key_length CHECK (length(key) BETWEEN 1 AND 128),
  request_hash bytea NOT NULL,
  state text NOT NULL CONSTRAINT ck_idempotency_keys_state_known CHECK (state IN ('in_progress','done')),
  response_status smallint,
  response_body jsonb,
  resource_id uuid,
  locked_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_idempotency_keys PRIMARY KEY (principal, route, key),
  CONSTRAINT ck_idempotency_keys_done_has_answer CHECK (state = 'in_progress' OR response_status IS NOT NULL));
CREATE INDEX ix_idempotency_keys_expires_at ON {schema}.idempotency_keys (expires_at);
"""
