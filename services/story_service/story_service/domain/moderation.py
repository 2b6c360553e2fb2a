"""What a moderator said about a text, and the decision that follows and stays."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from story_service.domain.ids import DecisionId, UserId


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text may be shown; scores by category, in thousandths."""

    reasons: tuple[str, ...] = ()
    categories: dict[str, int] = field(default_factory=dict)

    @property
    def is_block(self) -> bool:
        """Whether there is a reason against it."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about one text, which is kept as a hash only; by a person if `decided_by` names one.

    Texts of the house have no subject. `statement` is for the subject to read (the statement of reasons).
    """

    id: DecisionId
    subject: UserId | None
    target_id: UUID
    stage: str
    provider: str
    policy_version: str
    verdict: str
    reasons: tuple[str, ...]
    categories: dict[str, int]
    content_sha256: bytes
    decided_at: datetime
    target_type: str = "story"
    decided_by: UserId | None = None
    statement: str = ""
    supersedes: DecisionId | None = None


def digest(text: str) -> bytes:
    """Return what a decision keeps of a text."""
    return hashlib.sha256(text.encode()).digest()
