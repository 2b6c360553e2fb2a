"""Case files, the invented cases of the house (data of this step for the reason that 0003 gives), and which case a
story rests on."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CASES = Path(__file__).parents[1] / "starter" / "cases.json"
OPENED = "2026-11-21T00:00:00Z"

TABLES = """
CREATE TABLE story.cases (
  id uuid NOT NULL,
  owner_id uuid,
  title text NOT NULL,
  summary text NOT NULL,
  truth_mode text NOT NULL,
  jurisdiction text,
  year_from smallint,
  year_to smallint,
  status text NOT NULL,
  visibility text NOT NULL,
  language text NOT NULL,
  moderation_status text NOT NULL,
  last_ref_no integer NOT NULL,
  version integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz,
  CONSTRAINT pk_cases PRIMARY KEY (id),
  CONSTRAINT ck_cases_truth_mode_known CHECK (truth_mode IN ('fiction','inspired','documented')),
  CONSTRAINT ck_cases_status_known CHECK (status IN ('unknown','open','cold','solved','fiction')),
  CONSTRAINT ck_cases_visibility_known CHECK (visibility IN ('private','unlisted','public','house')),
  CONSTRAINT ck_cases_moderation_status_known
    CHECK (moderation_status IN ('pending','approved','flagged','blocked')),
  CONSTRAINT ck_cases_house_has_no_owner CHECK ((visibility = 'house') = (owner_id IS NULL)),
  CONSTRAINT ck_cases_last_ref_no_not_negative CHECK (last_ref_no >= 0)
);
CREATE INDEX ix_cases_owner ON story.cases (owner_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX ix_cases_shown ON story.cases (visibility, created_at DESC, id DESC)
    WHERE moderation_status = 'approved' AND deleted_at IS NULL;
CREATE TABLE story.case_sources (
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  ref_no integer NOT NULL,
  kind text NOT NULL,
  title text NOT NULL,
  url text,
  publisher text,
  published_on date,
  excerpt text NOT NULL,
  reliability smallint NOT NULL,
  retracted_at timestamptz,
  CONSTRAINT pk_case_sources PRIMARY KEY (id),
  CONSTRAINT uq_case_sources_case_id_ref_no UNIQUE (case_id, ref_no),
  CONSTRAINT ck_case_sources_kind_known
    CHECK (kind IN ('court','police','news','book','academic','encyclopedia','archive','other')),
  CONSTRAINT ck_case_sources_reliability_known CHECK (reliability BETWEEN 0 AND 4),
  CONSTRAINT fk_case_sources_case_id FOREIGN KEY(case_id) REFERENCES story.cases (id) ON DELETE CASCADE
);
CREATE TABLE story.case_persons (
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  position integer NOT NULL,
  name text NOT NULL,
  aliases text[] NOT NULL,
  is_real boolean NOT NULL,
  role text NOT NULL,
  legal_status text NOT NULL,
  status_source_id uuid,
  is_living boolean,
  is_minor boolean NOT NULL,
  protected boolean NOT NULL,
  CONSTRAINT pk_case_persons PRIMARY KEY (id),
  CONSTRAINT ck_case_persons_role_known
    CHECK (role IN ('victim','suspect','convicted','witness','investigator','family','other')),
  CONSTRAINT ck_case_persons_legal_status_known
    CHECK (legal_status IN ('none','accused','charged','convicted','acquitted','exonerated')),
  CONSTRAINT ck_case_persons_minor_is_protected CHECK (protected OR NOT is_minor),
  CONSTRAINT fk_case_persons_case_id FOREIGN KEY(case_id) REFERENCES story.cases (id) ON DELETE CASCADE,
  CONSTRAINT fk_case_persons_status_source_id FOREIGN KEY(status_source_id) REFERENCES story.case_sources (id)
);
CREATE INDEX ix_case_persons_case_id ON story.case_persons (case_id);
CREATE TABLE story.case_facts (
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  position integer NOT NULL,
  statement text NOT NULL,
  status text NOT NULL,
  occurred_on date,
  date_precision text,
  person_id uuid,
  CONSTRAINT pk_case_facts PRIMARY KEY (id),
  CONSTRAINT ck_case_facts_status_known CHECK (status IN ('asserted','disputed','retracted')),
  CONSTRAINT ck_case_facts_date_precision_known CHECK (date_precision IN ('day','month','year','circa')),
  CONSTRAINT fk_case_facts_case_id FOREIGN KEY(case_id) REFERENCES story.cases (id) ON DELETE CASCADE,
  CONSTRAINT fk_case_facts_person_id FOREIGN KEY(person_id) REFERENCES story.case_persons (id) ON DELETE SET NULL
);
CREATE INDEX ix_case_facts_case_id ON story.case_facts (case_id);
CREATE TABLE story.fact_sources (
  fact_id uuid NOT NULL,
  source_id uuid NOT NULL,
  quote text NOT NULL,
  locator text,
  CONSTRAINT pk_fact_sources PRIMARY KEY (fact_id, source_id),
  CONSTRAINT fk_fact_sources_fact_id FOREIGN KEY(fact_id) REFERENCES story.case_facts (id) ON DELETE CASCADE,
  CONSTRAINT fk_fact_sources_source_id FOREIGN KEY(source_id) REFERENCES story.case_sources (id) ON DELETE CASCADE
);
CREATE INDEX ix_fact_sources_source_id ON story.fact_sources (source_id);
CREATE TABLE story.case_rechecks (
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  person_id uuid NOT NULL,
  before_status text NOT NULL,
  after_status text NOT NULL,
  after_story_id uuid,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_case_rechecks PRIMARY KEY (id),
  CONSTRAINT fk_case_rechecks_case_id FOREIGN KEY(case_id) REFERENCES story.cases (id) ON DELETE CASCADE
);
CREATE INDEX ix_case_rechecks_created_at ON story.case_rechecks (created_at);
ALTER TABLE story.stories ADD COLUMN case_id uuid,
  ADD CONSTRAINT fk_stories_case_id FOREIGN KEY(case_id) REFERENCES story.cases (id) ON DELETE SET NULL;
CREATE INDEX ix_stories_case_id ON story.stories (case_id, id) WHERE case_id IS NOT NULL;
"""

CASE = sa.text(
    "INSERT INTO story.cases (id, title, summary, truth_mode, jurisdiction, year_from, year_to, status, visibility,"
    " language, moderation_status, last_ref_no, version, created_at, updated_at)"
    " VALUES (CAST(:id AS uuid), :title, :summary, 'fiction', :jurisdiction, :year_from, :year_to, 'fiction', 'house',"
    " 'en', 'approved', :last_ref_no, 1, CAST(:at AS timestamptz), CAST(:at AS timestamptz))"
)
SOURCE = sa.text(
    "INSERT INTO story.case_sources (id, case_id, ref_no, kind, title, publisher, published_on, excerpt, reliability)"
    " VALUES (CAST(:id AS uuid), CAST(:case_id AS uuid), :ref_no, :kind, :title, :publisher,"
    " CAST(:published_on AS date), :excerpt, 3)"
)
PERSON = sa.text(
    "INSERT INTO story.case_persons (id, case_id, position, name, aliases, is_real, role, legal_status, is_minor,"
    " protected) VALUES (CAST(:id AS uuid), CAST(:case_id AS uuid), :position, :name, '{}', false, :role,"
    " :legal_status, false, false)"
)
FACT = sa.text(
    "INSERT INTO story.case_facts (id, case_id, position, statement, status, occurred_on, date_precision)"
    " VALUES (CAST(:id AS uuid), CAST(:case_id AS uuid), :position, :statement, :status, CAST(:occurred_on AS date),"
    " :precision)"
)
CITED = sa.text(
    "INSERT INTO story.fact_sources (fact_id, source_id, quote)"
    " SELECT CAST(:fact_id AS uuid), id, '' FROM story.case_sources"
    " WHERE case_id = CAST(:case_id AS uuid) AND ref_no = :ref_no"
)


def house_cases() -> list[dict[str, Any]]:
    """Read the file."""
    found: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))
    return found


def upgrade() -> None:
    """Add the tables, and the archive's first shelf."""
    op.execute(TABLES)
    for case in house_cases():
        _insert(case)


def downgrade() -> None:
    """Take them away."""
    op.execute("ALTER TABLE story.stories DROP COLUMN case_id")
    op.execute(
        "DROP TABLE story.case_rechecks, story.fact_sources, story.case_facts, story.case_persons, story.case_sources,"
        " story.cases"
    )


def _insert(case: dict[str, Any]) -> None:
    run, of = op.get_bind().execute, {"case_id": case["id"]}
    head = {name: value for name, value in case.items() if name not in {"sources", "persons", "facts"}}
    run(CASE, {**head, "last_ref_no": len(case["sources"]), "at": OPENED})
    for number, source in enumerate(case["sources"], 1):
        run(SOURCE, {**source, **of, "ref_no": number})
    for position, person in enumerate(case["persons"]):
        run(PERSON, {**person, **of, "position": position})
    for position, fact in enumerate(case["facts"]):
        cited = {name: value for name, value in fact.items() if name != "sources"}
        run(FACT, {**cited, **of, "position": position})
        for number in fact["sources"]:
            run(CITED, {**of, "fact_id": fact["id"], "ref_no": number})
