"""Why this service says no."""


class Refusal(Exception):
    """A fact that stands against what was asked."""


class NotProvisioned(Refusal):
    """A person who signed in but has no profile yet."""

    def __init__(self) -> None:
        super().__init__("There is no profile yet: POST /user/v1/me makes it.")


class UnknownUser(Refusal):
    """An id that names nobody."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class EmailInUse(Refusal):
    """An address that belongs to another profile."""

    def __init__(self) -> None:
        super().__init__("Another account uses this e-mail address.")


class IdTokenInvalid(Refusal):
    """An id token that does not prove who the caller is."""

    def __init__(self) -> None:
        super().__init__("The id token does not belong to this sign-in.")


class VersionConflict(Refusal):
    """A change to something that has changed since the caller read it."""

    def __init__(self, version: int) -> None:
        super().__init__("It has changed since you read it. Read it again.")
        self.version = version


class UserLeaving(Refusal):
    """Somebody whose erasure has begun."""

    def __init__(self) -> None:
        super().__init__("The account is being erased: its status does not change any more.")


class OwnAccount(Refusal):
    """An admin who would shut herself out."""

    def __init__(self) -> None:
        super().__init__("Nobody suspends themselves: another admin can.")


class UntilInPast(Refusal):
    """A suspension that would be over already."""

    def __init__(self) -> None:
        super().__init__("`until` has passed.")


class IdentityProviderUnavailable(Refusal):
    """Cognito does not answer, or not now."""

    def __init__(self) -> None:
        super().__init__("The identity provider does not answer right now.")


class MailUnavailable(Exception):
    """The mailer did not answer, or had enough: later it may work. `reason` is a word of its own, with no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailRefused(Exception):
    """The mailer will not send this, however often it is asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
