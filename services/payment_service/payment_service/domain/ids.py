"""Names of things, kept apart by the type checker."""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
CustomerId = NewType("CustomerId", str)
"""The provider's name of a customer; the other `provider_id`s are plain text."""
