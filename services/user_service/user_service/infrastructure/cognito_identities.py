"""Cognito's id tokens as proof of who somebody is."""

from common_auth.errors import TokenExpired, TokenInvalid
from common_auth.tokens import TokenVerifier
from user_service.domain.errors import IdTokenInvalid
from user_service.domain.identity import Identity
from user_service.domain.profile import UserId

_LONGEST_EMAIL = 254


class CognitoIdentities:
    """Reads what Cognito says about a person from a verified id token."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def of(self, id_token: str, user_id: UserId) -> Identity:
        """Verify the token for this person. Raises IdTokenInvalid, KeysUnavailable."""
        try:
            claims = await self._verifier.identity(id_token, subject=str(user_id))
        except (TokenInvalid, TokenExpired):
            raise IdTokenInvalid from None
        email = claims.get("email")
        if not isinstance(email, str) or not 3 <= len(email) <= _LONGEST_EMAIL or "@" not in email or "\x00" in email:
            raise IdTokenInvalid
        username = claims.get("cognito:username")
        name = username if isinstance(username, str) and "\x00" not in username else str(user_id)
        return Identity(name, email, email_verified=claims.get("email_verified") in (True, "true"))
