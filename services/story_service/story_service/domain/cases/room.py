"""How many own cases a plan holds."""

from story_service.domain.errors import CaseLimitReached, SubscriptionRequired


def demand_room(limit: int | None, used: int, plans: tuple[str, ...]) -> None:
    """Raise SubscriptionRequired where the plan has no own cases, CaseLimitReached where they are all there.

    A limit of None is none.
    """
    if limit == 0:
        raise SubscriptionRequired(plans)
    if limit is not None and used >= limit:
        raise CaseLimitReached(limit, used, plans)
