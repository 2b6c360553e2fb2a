"""Sign-up, confirmation and passwords: what the API and the pages both do."""

import hmac
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sandbox.cognito.errors import Refused, invalid, not_authorized
from sandbox.cognito.passwords import check_policy, hash_password, matches
from sandbox.cognito.pool import UserPool
from sandbox.cognito.postman import Postman
from sandbox.cognito.records import ConfirmationCode, Status, User

_CODE_LIFE = timedelta(hours=24)
_MOST_GUESSES = 5
_ADDRESS = re.compile(r"[^@\s\x00-\x1f<>,;\"]+@[^@\s\x00-\x1f<>,;\"]+\.[^@\s.\x00-\x1f<>,;\"]+")


@dataclass(frozen=True, slots=True)
class Accounts:
    """People and their ways in."""

    pool: UserPool
    postman: Postman

    def sign_up(self, email: str, password: str, attributes: Mapping[str, str]) -> User:
        """Open an unconfirmed account and mail its code."""
        check_policy(password)
        user = self.open(email, hash_password(password), Status.UNCONFIRMED, attributes)
        self._mail_code(user.username)
        return user

    def open(self, email: str, hashed: str, status: Status, attributes: Mapping[str, str]) -> User:
        """Add a person under a new username; a second one with the same address is refused."""
        address = email.strip().lower()
        if not _ADDRESS.fullmatch(address) or len(address) > 128:
            raise invalid("Username should be an email.")
        now = self.pool.now()
        user = User(str(uuid.uuid4()), address, hashed, status, created_at=now, modified_at=now, attributes=attributes)
        with self.pool.changing():
            if self.pool.find(address):
                raise Refused("UsernameExistsException", "An account with the given email already exists.")
            self.pool.users[user.username] = user
        return user

    def resend_code(self, name: str) -> str:
        """Mail a new code and return where it went; for a stranger nothing is sent and nothing is told."""
        user = self.pool.find(name)
        if user is None or not user.enabled:
            return name
        if user.status is not Status.UNCONFIRMED:
            raise invalid("User is already confirmed.")
        self._mail_code(user.username)
        return user.email

    def confirm(self, name: str, digits: str) -> User:
        """Accept the mailed code. Five wrong guesses spend it."""
        user = self.pool.find(name)
        if user is None or not user.enabled:
            raise _expired()
        if user.status is not Status.UNCONFIRMED:
            raise not_authorized(f"User cannot be confirmed. Current status is {user.status}")
        if self._guess(user.username, digits.strip()):
            return self.confirm_unasked(user.username, email_verified=True)
        raise Refused("CodeMismatchException", "Invalid verification code provided, please try again.")

    def confirm_unasked(self, name: str, *, email_verified: bool) -> User:
        """Confirm without a code, as an administrator does: that proves nothing about the address."""
        now = self.pool.now()

        def confirmed(user: User) -> User:
            if user.status is not Status.UNCONFIRMED:
                raise not_authorized(f"User cannot be confirmed. Current status is {user.status}")
            verified = user.email_verified or email_verified
            return replace(user, status=Status.CONFIRMED, email_verified=verified, code=None, modified_at=now)

        return self.pool.change_user(name, confirmed)

    def authenticate(self, name: str, password: str) -> User:
        """Return whose password this is. Wrong password and unknown person answer alike and take as long."""
        user = self.pool.find(name)
        if not matches(password, user.password if user else "") or user is None:
            raise not_authorized("Incorrect username or password.")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        if user.status is Status.UNCONFIRMED:
            raise Refused("UserNotConfirmedException", "User is not confirmed.")
        return user

    def set_password(self, name: str, password: str, *, permanent: bool) -> User:
        """Give a person a password; one that is not permanent must be changed before a sign-in succeeds."""
        check_policy(password)
        user, hashed, now = self.pool.user(name), hash_password(password), self.pool.now()
        status = Status.CONFIRMED if permanent else Status.FORCE_CHANGE_PASSWORD
        return self.pool.change_user(
            user.username, lambda user: replace(user, password=hashed, status=status, code=None, modified_at=now)
        )

    def _mail_code(self, username: str) -> None:
        code = ConfirmationCode(f"{secrets.randbelow(10**6):06}", self.pool.now() + _CODE_LIFE)
        user = self.pool.change_user(username, lambda user: replace(user, code=code))
        self.postman.send_confirmation(user.email, code.digits)

    def _guess(self, username: str, digits: str) -> bool:
        with self.pool.changing():
            user = self.pool.user(username)
            if user.code is None or user.code.expires_at <= self.pool.now():
                raise _expired()
            if user.code.wrong_guesses >= _MOST_GUESSES:
                raise Refused("LimitExceededException", "Attempt limit exceeded, please try after some time.")
            if hmac.compare_digest(user.code.digits.encode(), digits.encode()):
                return True
            code = replace(user.code, wrong_guesses=user.code.wrong_guesses + 1)
            self.pool.users[username] = replace(user, code=code)
            return False


def _expired() -> Refused:
    return Refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
