"""Why this service says no."""


class Refusal(Exception):
    """A fact that stands against what was asked."""


class DeskUnavailable(Refusal):
    """story_service does not answer."""

    def __init__(self) -> None:
        super().__init__("The moderation desk does not answer.")


class UsersUnavailable(Refusal):
    """user_service does not answer."""

    def __init__(self) -> None:
        super().__init__("The user service does not answer.")


class UnknownUser(Refusal):
    """An id that names nobody, here and at user_service."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")
