"""Why chat says no."""

from story_service.domain.errors import Refusal, SubscriptionRequired


class ConversationUnknown(Refusal):
    """No such conversation, or another reader's."""

    def __init__(self) -> None:
        super().__init__("There is no such conversation.")


class MessageUnknown(Refusal):
    """No such message, or one of another reader's conversation."""

    def __init__(self) -> None:
        super().__init__("There is no such message.")


class MemoryUnknown(Refusal):
    """No such memory, or another reader's."""

    def __init__(self) -> None:
        super().__init__("There is no such memory.")


class NotInConversation(Refusal):
    """A message of another conversation, or one that is deleted."""

    def __init__(self) -> None:
        super().__init__("This message is not part of the conversation.")


class NotEditable(Refusal):
    """Only what the reader wrote can be edited; a reply can be asked for again."""

    def __init__(self) -> None:
        super().__init__("Only a message of your own can be edited.")


class NothingToAnswer(Refusal):
    """A message that nobody can answer, or answer again."""

    def __init__(self) -> None:
        super().__init__("There is nothing here that could be answered.")


class NobodyAnswers(Refusal):
    """Whoever should answer has no seat in the conversation, or is no longer there."""

    def __init__(self) -> None:
        super().__init__("No such character can answer in this conversation.")


class GenerationRunning(Refusal):
    """Somebody is answering in this conversation now."""

    def __init__(self) -> None:
        super().__init__("A reply is still being written here.")


class TooManyPins(Refusal):
    """As many messages are pinned as a conversation can carry."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"No more than {limit} messages of a conversation can be pinned.")
        self.limit = limit


class MemoryLimitReached(Refusal):
    """The plan includes no more memories; a larger one does, or one of them must go."""

    def __init__(self, limit: int, used: int, plans: tuple[str, ...]) -> None:
        super().__init__(f"Your plan includes {limit} memories.")
        self.meter, self.limit, self.used = "memories.own", limit, used
        self.action = SubscriptionRequired(plans).action


class ContextTooSmall(Refusal):
    """What must be told to a model does not fit into the plan's context."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"This needs a context of {needed} tokens; your plan has {limit}.")
        self.limit = limit
