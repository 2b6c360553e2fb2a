"""Why the user pool says no, in Cognito's own names and sentences."""


class Refused(Exception):
    """`kind` is the exception's name in the API, e.g. UsernameExistsException; the sentence is what a person reads."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class OAuthRefused(Exception):
    """A refusal of an OAuth endpoint: `error` is the word of RFC 6749, the description is optional there."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(description or error)
        self.error = error
        self.description = description


def no_such_user() -> Refused:
    return Refused("UserNotFoundException", "User does not exist.")


def not_authorized(sentence: str) -> Refused:
    return Refused("NotAuthorizedException", sentence)


def invalid(sentence: str) -> Refused:
    return Refused("InvalidParameterException", sentence)
