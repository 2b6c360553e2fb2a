"""Roles are rows: a Cognito group gives a role, a role gives permissions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what it may do."""

    code: str
    permissions: frozenset[str]
