"""The catalogue that ships (data-model.md 7.2), written down a second time."""

from typing import cast

from payment_service.domain.plans import Catalogue, Entitlement, Plan, Window

_FLAGS = ("chat.access", "story.generate", "story.analyze", "library.full", "collab", "community")
_CONFIGS = {
    "context.tokens": (12000, 64000, 64000),
    "models.tier": ("standard", "premium", "premium"),
    "priority": (0, 0, 1),
}
_LIMITS: dict[str, tuple[str, int | None, int | None, int | None]] = {
    "chats.day": ("day", 0, None, None),
    "stories.day": ("day", 0, 10, 30),
    "tokens.month": ("period", 0, 2_000_000, 6_000_000),
    "premium.month": ("period", 0, 100, None),
    "images.month": ("period", 0, 5, None),
    "vision.month": ("period", 0, 10, None),
    "narrations.month": ("period", 0, 10, 60),
    "videos.month": ("period", 0, 0, 5),
    "concurrent.generations": ("concurrent", 1, 2, 4),
    "stories.retained": ("total", 1, 1, 1),
    "stories.published": ("total", 0, 10, 50),
    "cases.own": ("total", 0, 5, 50),
    "characters.own": ("total", 0, 5, 50),
    "memories.own": ("total", 0, 200, 2000),
}
_PLANS = (
    ("free", "Free", "Look around."),
    ("pro", "Pro", "Ten stories a day, unlimited chats."),
    ("max", "Max", "Thirty stories a day, four at once, first in line."),
)


def shipped_catalogue() -> Catalogue:
    """Return the plans as they ship, before any price is known."""
    return Catalogue({code: _plan(rank, code, name, text) for rank, (code, name, text) in enumerate(_PLANS)}, {})


def _plan(rank: int, code: str, name: str, description: str) -> Plan:
    entitlements = [Entitlement(feature, "flag", flag=rank > 0) for feature in _FLAGS]
    entitlements += [Entitlement(feature, "config", config=values[rank]) for feature, values in _CONFIGS.items()]
    for feature, (window, *amounts) in _LIMITS.items():
        amount = amounts[rank]
        kind = cast("Window", window)
        entitlements.append(Entitlement(feature, "limit", limit=amount, is_unlimited=amount is None, window=kind))
    ordered = tuple(sorted(entitlements, key=lambda each: each.feature))
    return Plan(code, name, rank, rank == 0, True, description, ordered, ())
