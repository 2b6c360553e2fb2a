"""Units on top of a plan, as payment_service gave them; here they are counted down."""

from dataclasses import dataclass
from datetime import datetime

from story_service.domain.ids import GrantId


@dataclass(frozen=True, slots=True)
class Grant:
    """`amount` units of a meter for a while."""

    id: GrantId
    meter: str
    amount: int
    priority: int
    effective_at: datetime
    expires_at: datetime

    def counts(self, now: datetime) -> bool:
        """Tell whether it can be used at `now`."""
        return self.effective_at <= now < self.expires_at
