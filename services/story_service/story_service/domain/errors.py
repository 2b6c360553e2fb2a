"""Why this service says no."""

from datetime import datetime
from typing import Any


class Refusal(Exception):
    """A sentence for the reader, and the facts behind it."""


class SubscriptionRequired(Refusal):
    """The plan does not include it; `action` says where a subscription begins."""

    def __init__(self, plans: tuple[str, ...]) -> None:
        super().__init__("A subscription is needed for this.")
        self.action = _checkout(plans)


class FullTextLocked(Refusal):
    """The plan does not include the whole text; `preview` is what everybody may see of it."""

    def __init__(self, preview: dict[str, Any], plans: tuple[str, ...]) -> None:
        super().__init__("A subscription is needed for the whole text.")
        self.preview, self.action = preview, _checkout(plans)


class PlanUpgradeRequired(Refusal):
    """A larger plan includes it."""

    def __init__(self, plans: tuple[str, ...]) -> None:
        super().__init__("Your plan does not include this model.")
        self.action = _checkout(plans)


class QuotaExceeded(Refusal):
    """What the plan includes for this window is used up, or reserved."""

    def __init__(self, meter: str, limit: int, used: int, resets_at: datetime, retry_after: int) -> None:
        super().__init__(f"The limit of {meter} is reached.")
        self.meter, self.limit, self.used = meter, limit, used
        self.resets_at, self.retry_after = resets_at, retry_after


class MeterUnknown(Refusal):
    """No window counts this meter for the reader."""

    def __init__(self) -> None:
        super().__init__("Nothing of this meter is counted for this reader.")


class MoreThanSettled(Refusal):
    """Less was charged than is to be given back."""

    def __init__(self, meter: str, settled: int) -> None:
        super().__init__("So much was not charged in the current window.")
        self.meter, self.settled = meter, settled


class InputBlocked(Refusal):
    """The reader's own words break the rules."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("This request breaks the content rules. Nothing was charged.")
        self.reasons = list(reasons)


class ModelUnavailable(Refusal):
    """No such model is offered now."""

    def __init__(self) -> None:
        super().__init__("This model is not offered.")


class MaxPriceExceeded(Refusal):
    """It may cost more than the reader wants to pay."""

    def __init__(self, price: int, max_price: int) -> None:
        super().__init__(f"This may cost up to {price} tokens, more than the {max_price} you allow.")
        self.price, self.limit = price, max_price


class StoryUnknown(Refusal):
    """No such story, or another reader's."""

    def __init__(self) -> None:
        super().__init__("There is no such story.")


class StoryNotReady(Refusal):
    """There is no whole text yet, or there never was."""

    def __init__(self) -> None:
        super().__init__("This story has no finished text.")


class StoryIsPublished(Refusal):
    """Others read it as it is."""

    def __init__(self) -> None:
        super().__init__("A published story cannot be changed: unpublish it first.")


class StoryNotPublished(Refusal):
    """Nobody else can read it anyway."""

    def __init__(self) -> None:
        super().__init__("This story is not published.")


class StoryBeingWritten(Refusal):
    """A model writes into it, or reads it; what it comes to would not fit another text."""

    def __init__(self) -> None:
        super().__init__("A generation of this story is running: wait for its end, or stop it.")


class StoryTooLong(Refusal):
    """There is no room for another part."""

    def __init__(self) -> None:
        super().__init__("This story is too long to go on.")


class SpanOutside(Refusal):
    """The text has no such part."""

    def __init__(self, characters: int) -> None:
        super().__init__(f"The text ends after {characters} characters.")
        self.characters = characters


class RevisionUnknown(Refusal):
    """No such revision, or one that is too old to be kept."""

    def __init__(self) -> None:
        super().__init__("There is no such revision.")


class PublishBlocked(Refusal):
    """The text cannot be shown to others, for reasons of the content rules."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("This text breaks the content rules and was not published.")
        self.reasons = list(reasons)


class PublishLimitReached(Refusal):
    """The plan includes no more published stories; a larger one does, or one of them must be withdrawn."""

    def __init__(self, limit: int, used: int, plans: tuple[str, ...]) -> None:
        super().__init__(f"Your plan includes {limit} published or cloned stories.")
        self.meter, self.limit, self.used = "stories.published", limit, used
        self.action = _checkout(plans)


class RetentionLimitReached(Refusal):
    """The reader keeps as many stories by an own act as the plan allows."""

    def __init__(self, limit: int, used: int) -> None:
        super().__init__(f"Your plan keeps {limit} published or cloned stories: delete one first.")
        self.meter, self.limit, self.used = "stories.published", limit, used


class GenerationUnknown(Refusal):
    """No such generation, or another reader's."""

    def __init__(self) -> None:
        super().__init__("There is no such generation.")


class CharacterUnknown(Refusal):
    """No such character, or another reader's private one."""

    def __init__(self) -> None:
        super().__init__("There is no such character.")


class NotTheOwner(Refusal):
    """Somebody else's, to be met and not to be changed."""

    def __init__(self) -> None:
        super().__init__("Only its owner may change this.")


class CharacterLimitReached(Refusal):
    """The plan includes no more own characters; a larger one does, or one of them must go."""

    def __init__(self, limit: int, used: int, plans: tuple[str, ...]) -> None:
        super().__init__(f"Your plan includes {limit} own characters.")
        self.meter, self.limit, self.used = "characters.own", limit, used
        self.action = _checkout(plans)


class CaseLimitReached(Refusal):
    """The plan includes no more own cases; a larger one does, or one of them must go."""

    def __init__(self, limit: int, used: int, plans: tuple[str, ...]) -> None:
        super().__init__(f"Your plan includes {limit} own cases.")
        self.meter, self.limit, self.used = "cases.own", limit, used
        self.action = _checkout(plans)


class RealPersonRefused(Refusal):
    """A character that is, or says that it is, somebody real."""

    def __init__(self) -> None:
        super().__init__("A character must be invented: this one names or describes somebody real.")


class VersionConflict(Refusal):
    """It was changed since it was read."""

    def __init__(self) -> None:
        super().__init__("It has changed since you read it. Read it again.")


class AlreadyClosed(Refusal):
    """The generation has ended."""

    def __init__(self) -> None:
        super().__init__("This generation has already ended.")


class ChunksPurged(Refusal):
    """The log of a generation is gone; the story, if it was kept, is not."""

    def __init__(self, location: str) -> None:
        super().__init__("The events of this generation are no longer kept; the story holds the text.")
        self.action: dict[str, Any] = {"type": "read_story", "href": location}


class ModerationUnavailable(Refusal):
    """Nobody can say now whether a text keeps the rules."""

    def __init__(self) -> None:
        super().__init__("Requests cannot be checked right now.")


class WriterFailed(Exception):
    """The provider broke off. Not a refusal: it ends a generation, with this code (events-and-states.md 9.2)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TextBlocked(Exception):
    """A text of the house breaks the rules. Not a refusal: nobody asked for it."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("blocked: " + ", ".join(reasons))
        self.reasons = reasons


def _checkout(plans: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "checkout", "href": "/payment/v1/checkout-sessions", "plans": list(plans)}
