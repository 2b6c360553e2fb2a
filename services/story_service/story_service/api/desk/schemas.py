"""The moderation desk over the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from story_service.api.schemas import Wire
from story_service.application.desk.open_cases import Report, TakedownRequest
from story_service.application.desk.ports import Ruling
from story_service.application.desk.review_cases import Verdict
from story_service.domain.desk.moderation_case import ModerationCase, RulingVerdict, Target, TargetType
from story_service.domain.desk.strikes import APPEAL_WINDOW, Strike

_SAYABLE = r"^[^\x00]*[^\s\x00][^\x00]*$"
Words = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4000, pattern=_SAYABLE)]
Contact = Annotated[
    str, StringConstraints(strict=True, max_length=254, pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
]
CheckToken = Annotated[str, StringConstraints(strict=True, max_length=4000, pattern=r"^[\x21-\x7e]+$")]
ReasonCode = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[a-z][a-z_/-]*$")]
TargetName = Literal["story", "character", "case"]
KindName = Literal["flag", "report", "appeal", "takedown"]
StateName = Literal["open", "in_review", "upheld", "overturned", "dismissed", "withdrawn"]
ReportReason = Literal["violence", "sexual", "harassment", "hate", "self_harm", "real_person", "privacy", "other"]
LegalBasis = Literal["privacy", "defamation", "copyright", "personality_rights", "protection_of_minors", "court_order"]


class TargetIn(Wire):
    """What it is about."""

    type: TargetName
    id: UUID

    def target(self) -> Target:
        """Return it in the domain's words."""
        return Target(TargetType(self.type), self.id)


class ReportIn(Wire):
    """What is wrong with something that others wrote."""

    target: TargetIn
    reason: ReportReason
    statement: Words

    def report(self) -> Report:
        """Return it in the domain's words."""
        return Report(self.target.target(), self.reason, self.statement)


class TakedownIn(Wire):
    """What is to be taken down, by which right, and where the answer goes."""

    target: TargetIn
    contact_email: Contact
    legal_basis: LegalBasis
    statement: Words
    captcha_token: CheckToken | None = None

    def request(self) -> TakedownRequest:
        """Return it in the domain's words."""
        return TakedownRequest(
            self.target.target(), self.contact_email, self.legal_basis, self.statement, self.captcha_token
        )


class AppealIn(Wire):
    """Why a decision was wrong."""

    statement: Words


class DecisionIn(Wire):
    """What a reviewer decides; the statement is for the person concerned to read."""

    verdict: Literal["allow", "block", "restore"]
    reason_codes: Annotated[list[ReasonCode], Field(max_length=10, json_schema_extra={"uniqueItems": True})] = Field(
        default_factory=list
    )
    statement: Words

    def decided(self) -> Verdict:
        """Return it in the domain's words."""
        return Verdict(RulingVerdict(self.verdict), tuple(dict.fromkeys(self.reason_codes)), self.statement)


class TargetOut(Wire):
    """What it is about."""

    type: str
    id: UUID


class TicketOut(Wire):
    """A case as whoever opened it sees it."""

    case_id: UUID
    kind: KindName
    state: StateName
    target: TargetOut
    due_at: datetime
    created_at: datetime

    @classmethod
    def of(cls, case: ModerationCase) -> Self:
        """Show a case to who opened it."""
        return cls(
            case_id=case.id,
            kind=case.kind.value,
            state=case.state.value,
            target=TargetOut(type=case.target.type, id=case.target.id),
            due_at=case.due_at,
            created_at=case.created_at,
        )


class ModerationCaseOut(TicketOut):
    """A case as reviewers see it."""

    subject_user_id: UUID | None
    opened_by: UUID | None
    reporter_contact: str | None
    reason: str | None
    legal_basis: str | None
    statement: str
    appealed_decision: UUID | None
    assignee: UUID | None
    decision_id: UUID | None
    resolved_at: datetime | None
    version: int

    @classmethod
    def of(cls, case: ModerationCase) -> Self:
        """Show a case to a reviewer."""
        return cls(
            **TicketOut.of(case).model_dump(),
            subject_user_id=case.subject,
            opened_by=case.opened_by,
            reporter_contact=case.reporter_contact,
            reason=case.reason,
            legal_basis=case.legal_basis,
            statement=case.statement,
            appealed_decision=case.appealed_decision,
            assignee=case.assignee,
            decision_id=case.decision_id,
            resolved_at=case.resolved_at,
            version=case.version,
        )


class AppealOut(Wire):
    """Where the appeal against a decision stands."""

    case_id: UUID
    state: StateName


class RulingOut(Wire):
    """A decision about the reader: the statement of reasons."""

    decision_id: UUID
    target: TargetOut
    stage: Literal["input", "output", "publish", "report", "appeal", "takedown"]
    verdict: Literal["flag", "block", "restore"]
    reason_codes: list[str]
    statement: str
    automated: bool
    policy_version: str
    decided_at: datetime
    appealable_until: datetime | None = Field(description="Null where there is nothing to appeal against.")
    appeal: AppealOut | None

    @classmethod
    def of(cls, ruling: Ruling) -> Self:
        """Show a decision to its subject; who decided is not told, whether a person did is."""
        decision = ruling.decision
        appeal = None
        if ruling.appeal_id and ruling.appeal_state:
            appeal = AppealOut(case_id=ruling.appeal_id, state=ruling.appeal_state.value)
        return cls.model_validate(
            {
                "decision_id": decision.id,
                "target": TargetOut(type=decision.target_type, id=decision.target_id),
                "stage": decision.stage,
                "verdict": decision.verdict,
                "reason_codes": list(decision.reasons),
                "statement": decision.statement or _automatic(decision.reasons),
                "automated": decision.decided_by is None,
                "policy_version": decision.policy_version,
                "decided_at": decision.decided_at,
                "appealable_until": None if decision.verdict == "restore" else decision.decided_at + APPEAL_WINDOW,
                "appeal": appeal,
            }
        )


class StrikesOut(Wire):
    """What stands against the reader."""

    standing: int
    next_expires_at: datetime | None

    @classmethod
    def of(cls, strikes: list[Strike]) -> Self:
        """Show strikes, the first to lapse first."""
        return cls(standing=len(strikes), next_expires_at=strikes[0].expires_at if strikes else None)


class MyModerationOut(Wire):
    """A page of decisions about the reader, and the strikes that stand."""

    items: list[RulingOut]
    next_cursor: str | None
    strikes: StrikesOut


def _automatic(reasons: tuple[str, ...]) -> str:
    named = ", ".join(reasons) or "none named"
    return f"An automatic check found that the text breaks the content rules ({named}). No person took part."
