"""Ids that look like Stripe's: a prefix and random letters and digits."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_LENGTHS = {"cus": 14, "prod": 14, "si": 14, "req": 14, "cs_test": 58, "bps": 24}
_DEFAULT_LENGTH = 24


def new_id(prefix: str) -> str:
    return f"{prefix}_{random_text(_LENGTHS.get(prefix, _DEFAULT_LENGTH))}"


def random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
