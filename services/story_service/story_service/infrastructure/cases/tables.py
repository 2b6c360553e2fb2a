"""The rows of case files."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row

_SOURCE_KINDS = "'court','police','news','book','academic','encyclopedia','archive','other'"
_ROLES = "'victim','suspect','convicted','witness','investigator','family','other'"
_LEGAL = "'none','accused','charged','convicted','acquitted','exonerated'"


class CaseRow(Row):
    """The head of a case file; those of the house have no owner."""

    __tablename__ = "cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID | None]
    title: Mapped[str]
    summary: Mapped[str]
    truth_mode: Mapped[str]
    jurisdiction: Mapped[str | None]
    year_from: Mapped[int | None] = mapped_column(SmallInteger)
    year_to: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[str]
    visibility: Mapped[str]
    language: Mapped[str]
    moderation_status: Mapped[str]
    last_ref_no: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("truth_mode IN ('fiction','inspired','documented')", name="truth_mode_known"),
        CheckConstraint("status IN ('unknown','open','cold','solved','fiction')", name="status_known"),
        CheckConstraint("visibility IN ('private','unlisted','public','house')", name="visibility_known"),
        CheckConstraint(
            "moderation_status IN ('pending','approved','flagged','blocked')", name="moderation_status_known"
        ),
        CheckConstraint("(visibility = 'house') = (owner_id IS NULL)", name="house_has_no_owner"),
        CheckConstraint("last_ref_no >= 0", name="last_ref_no_not_negative"),
        Index(
            "ix_cases_owner",
            "owner_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_cases_shown",
            "visibility",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("moderation_status = 'approved' AND deleted_at IS NULL"),
        ),
    )


class SourceRow(Row):
    """A source of a case."""

    __tablename__ = "case_sources"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("story.cases.id", ondelete="CASCADE"))
    ref_no: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    title: Mapped[str]
    url: Mapped[str | None]
    publisher: Mapped[str | None]
    published_on: Mapped[date | None] = mapped_column(Date)
    excerpt: Mapped[str]
    reliability: Mapped[int] = mapped_column(SmallInteger)
    retracted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("case_id", "ref_no"),
        CheckConstraint(f"kind IN ({_SOURCE_KINDS})", name="kind_known"),
        CheckConstraint("reliability BETWEEN 0 AND 4", name="reliability_known"),
    )


class PersonRow(Row):
    """A person of a case."""

    __tablename__ = "case_persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("story.cases.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str]
    aliases: Mapped[list[str]]
    is_real: Mapped[bool]
    role: Mapped[str]
    legal_status: Mapped[str]
    status_source_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.case_sources.id"))
    is_living: Mapped[bool | None]
    is_minor: Mapped[bool]
    protected: Mapped[bool]

    __table_args__ = (
        CheckConstraint(f"role IN ({_ROLES})", name="role_known"),
        CheckConstraint(f"legal_status IN ({_LEGAL})", name="legal_status_known"),
        CheckConstraint("protected OR NOT is_minor", name="minor_is_protected"),
        Index("ix_case_persons_case_id", "case_id"),
    )


class CaseFactRow(Row):
    """A fact of a case."""

    __tablename__ = "case_facts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("story.cases.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    statement: Mapped[str]
    status: Mapped[str]
    occurred_on: Mapped[date | None] = mapped_column(Date)
    date_precision: Mapped[str | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.case_persons.id", ondelete="SET NULL"))

    __table_args__ = (
        CheckConstraint("status IN ('asserted','disputed','retracted')", name="status_known"),
        CheckConstraint("date_precision IN ('day','month','year','circa')", name="date_precision_known"),
        Index("ix_case_facts_case_id", "case_id"),
    )


class FactSourceRow(Row):
    """A source of a fact."""

    __tablename__ = "fact_sources"

    fact_id: Mapped[UUID] = mapped_column(ForeignKey("story.case_facts.id", ondelete="CASCADE"), primary_key=True)
    source_id: Mapped[UUID] = mapped_column(ForeignKey("story.case_sources.id", ondelete="CASCADE"), primary_key=True)
    quote: Mapped[str]
    locator: Mapped[str | None]

    __table_args__ = (Index("ix_fact_sources_source_id", "source_id"),)


class RecheckRow(Row):
    """Stories of a case that are to be read again."""

    __tablename__ = "case_rechecks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("story.cases.id", ondelete="CASCADE"))
    person_id: Mapped[UUID]
    before_status: Mapped[str]
    after_status: Mapped[str]
    after_story_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_case_rechecks_created_at", "created_at"),)
