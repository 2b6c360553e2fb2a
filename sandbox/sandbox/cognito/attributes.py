"""User attributes as the API lists them: the pool's own three and those that a person may set."""

from collections.abc import Iterable, Mapping

from sandbox.cognito.errors import invalid
from sandbox.cognito.records import User

_STANDARD = frozenset(
    {"address", "birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname"}
    | {"phone_number", "picture", "preferred_username", "profile", "website", "zoneinfo"}
)
_OWN = frozenset({"sub", "email", "email_verified"})


def listed(user: User) -> list[dict[str, str]]:
    """All attributes in the API's shape; everything is text there, even email_verified."""
    own = {"email": user.email, "email_verified": str(user.email_verified).lower(), "sub": user.username}
    return [{"Name": name, "Value": value} for name, value in (own | dict(user.attributes)).items()]


def settable(pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Take the attributes that people set; unknown names are refused, `sub` cannot be set at all."""
    values = {pair["Name"]: pair.get("Value", "") for pair in pairs}
    if "sub" in values:
        raise invalid("Cannot modify the non-mutable attribute sub")
    for name in values.keys() - _OWN:
        if name not in _STANDARD and not name.startswith("custom:"):
            raise invalid(f"Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.")
    return {name: value for name, value in values.items() if name not in _OWN}
