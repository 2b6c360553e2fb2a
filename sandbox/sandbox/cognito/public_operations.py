"""API operations that need no AWS credentials: what a client of the pool may call for a person."""

from dataclasses import dataclass
from typing import Any

from sandbox.cognito.accounts import Accounts
from sandbox.cognito.attributes import listed, settable
from sandbox.cognito.errors import Refused, invalid, not_authorized
from sandbox.cognito.members import Body, mapping, pairs, text
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import SELF_SERVICE, Status
from sandbox.cognito.sign_ins import API_SCOPES, SignIns, Tokens


@dataclass(frozen=True, slots=True)
class PublicOperations:
    """One method an operation, named for it; from the request's JSON to the answer's."""

    pool: UserPool
    accounts: Accounts
    sign_ins: SignIns

    def sign_up(self, body: Body) -> dict[str, Any]:
        self._client(body)
        attributes = settable(pairs(body, "UserAttributes"))
        user = self.accounts.sign_up(text(body, "Username"), text(body, "Password"), attributes)
        return {"UserConfirmed": False, "UserSub": user.username, "CodeDeliveryDetails": _delivery(user.email)}

    def confirm_sign_up(self, body: Body) -> dict[str, Any]:
        self._client(body)
        self.accounts.confirm(text(body, "Username"), text(body, "ConfirmationCode"))
        return {}

    def resend_confirmation_code(self, body: Body) -> dict[str, Any]:
        self._client(body)
        return {"CodeDeliveryDetails": _delivery(self.accounts.resend_code(text(body, "Username")))}

    def initiate_auth(self, body: Body) -> dict[str, Any]:
        """Sign in by password or continue by refresh token."""
        client_id, flow, parameters = self._client(body), text(body, "AuthFlow"), mapping(body, "AuthParameters")
        if flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
            return _result(self.sign_ins.refresh(text(parameters, "REFRESH_TOKEN"), client_id))
        if flow != "USER_PASSWORD_AUTH":
            raise invalid(f"Auth flow {flow} not enabled for this client")
        user = self.accounts.authenticate(text(parameters, "USERNAME"), text(parameters, "PASSWORD"))
        if user.status is Status.FORCE_CHANGE_PASSWORD:
            raise Refused("PasswordResetRequiredException", "Password reset required for the user")
        return _result(self.sign_ins.begin(user, client_id, API_SCOPES, self.pool.now()))

    def get_user(self, body: Body) -> dict[str, Any]:
        user, _ = self.sign_ins.person(text(body, "AccessToken"), SELF_SERVICE)
        return {"Username": user.username, "UserAttributes": listed(user)}

    def global_sign_out(self, body: Body) -> dict[str, Any]:
        user, _ = self.sign_ins.person(text(body, "AccessToken"), SELF_SERVICE)
        self.pool.end_sign_ins(user.username)
        return {}

    def revoke_token(self, body: Body) -> dict[str, Any]:
        self.sign_ins.revoke(text(body, "Token"), self._client(body))
        return {}

    def _client(self, body: Body) -> str:
        client = self.pool.clients.get(text(body, "ClientId"))
        if client is None:
            raise Refused("ResourceNotFoundException", f"User pool client {body['ClientId']} does not exist.")
        if client.secret is not None:
            raise not_authorized(
                f"Client {client.client_id} is configured with secret but SECRET_HASH was not received"
            )
        return client.client_id


def _delivery(address: str) -> dict[str, str]:
    person, _, domain = address.partition("@")
    masked = f"{person[:1]}***@{domain[:1]}***"
    return {"Destination": masked, "DeliveryMedium": "EMAIL", "AttributeName": "email"}


def _result(tokens: Tokens) -> dict[str, Any]:
    parts = {"AccessToken": tokens.access, "IdToken": tokens.identity, "RefreshToken": tokens.refresh}
    present: dict[str, Any] = {name: token for name, token in parts.items() if token}
    return {
        "AuthenticationResult": present | {"ExpiresIn": tokens.expires_in, "TokenType": "Bearer"},
        "ChallengeParameters": {},
    }
