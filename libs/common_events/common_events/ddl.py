"""Statements of the messaging tables for migrations. Frozen: a change is a new version beside the old one."""

MESSAGING_V1 = r"""
CREATE TABLE {schema}.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  event_id uuid NOT NULL,
  type text NOT NULL CONSTRAINT ck_outbox_type_dotted CHECK (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
  schema_version smallint NOT NULL,
  subject uuid,
  partition_key text NOT NULL,
  aggregate_version bigint NOT NULL,
  payload jsonb NOT NULL,
  correlation_id text,
  causation_id uuid,
  traceparent text,
  occurred_at timestamptz NOT NULL,
  published_at timestamptz,
  consumed_at timestamptz,
  CONSTRAINT pk_outbox PRIMARY KEY (event_id),
  CONSTRAINT uq_outbox_seq UNIQUE (seq));
CREATE INDEX ix_outbox_unpublished ON {schema}.outbox (seq) WHERE published_at IS NULL;
CREATE INDEX ix_outbox_unconsumed ON {schema}.outbox (seq) WHERE published_at IS NOT NULL AND consumed_at IS NULL;
CREATE TABLE {schema}.event_consumers (
  name text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_event_consumers PRIMARY KEY (name));
CREATE TABLE {schema}.inbox (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  type text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT pk_inbox PRIMARY KEY (consumer, event_id));
CREATE INDEX ix_inbox_processed_at ON {schema}.inbox USING brin (processed_at);
CREATE TABLE {schema}.dead_letters (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  envelope jsonb NOT NULL,
  error text NOT NULL,
  attempts integer NOT NULL,
  first_failed_at timestamptz NOT NULL DEFAULT now(),
  last_failed_at timestamptz NOT NULL DEFAULT now(),
  redriven_at timestamptz,
  CONSTRAINT pk_dead_letters PRIMARY KEY (consumer, event_id));
"""
