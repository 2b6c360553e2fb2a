"""What the identity provider vouches for about the person who signed in."""

from dataclasses import dataclass

COGNITO = "cognito"


@dataclass(frozen=True, slots=True)
class Identity:
    """The content of a verified id token, as far as a profile needs it."""

    username: str
    email: str
    email_verified: bool
