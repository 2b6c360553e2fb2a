"""What a person agreed to, in the words of which version, and when they took it back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConsentKind(StrEnum):
    """What TrueCrime asks for."""

    ADULT = "adult"
    TERMS = "terms"
    MARKETING = "marketing"


@dataclass(frozen=True, slots=True)
class Consent:
    """One agreement. A withdrawn one is kept: it proves what held until then."""

    kind: ConsentKind
    version: str
    given_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def is_given(self) -> bool:
        """Tell whether it holds now."""
        return self.withdrawn_at is None

    def __lt__(self, other: "Consent") -> bool:
        return (self.kind, self.version) < (other.kind, other.version)
