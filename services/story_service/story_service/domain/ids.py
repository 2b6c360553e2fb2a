"""Names of things, so that one cannot be passed for another."""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
StoryId = NewType("StoryId", UUID)
GenerationId = NewType("GenerationId", UUID)
ReservationId = NewType("ReservationId", UUID)
DecisionId = NewType("DecisionId", UUID)
CharacterId = NewType("CharacterId", UUID)
GrantId = NewType("GrantId", UUID)
