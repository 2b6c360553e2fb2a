"""Passwords at rest and the pool's policy for new ones."""

import hashlib
import hmac
import secrets
import string

from sandbox.cognito.errors import Refused

_COST, _BLOCK, _LANES = 2**11, 8, 1  # an eighth of what real people would get: twenty sign up at once on two cores


def hash_password(password: str) -> str:
    """Return `scrypt$salt$hash`; takes some milliseconds, so never in an event loop."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, hashed: str) -> bool:
    """Compare in constant time; an empty `hashed` matches nothing and costs the same."""
    _, _, rest = hashed.partition("$")
    salt, _, digest = rest.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest)) and bool(digest)


def check_policy(password: str) -> None:
    """Refuse what Cognito's default policy refuses: 8 characters, upper, lower, digit and symbol."""
    rules = {
        "Password not long enough": len(password) >= 8,
        "Password must have lowercase characters": any(c in string.ascii_lowercase for c in password),
        "Password must have uppercase characters": any(c in string.ascii_uppercase for c in password),
        "Password must have numeric characters": any(c in string.digits for c in password),
        "Password must have symbol characters": any(c in string.punctuation or c == " " for c in password.strip()),
        "Password must not be longer than 256 characters": len(password) <= 256,
    }
    for sentence, kept in rules.items():
        if not kept:
            raise Refused("InvalidPasswordException", f"Password did not conform with policy: {sentence}")


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES)
