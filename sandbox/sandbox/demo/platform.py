"""The running platform as the demo finds it: the addresses of platform.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.demo.errors import StepFailed


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a person's browser would go, and the sandbox's controls."""

    web: str
    login: str
    client_id: str
    mailbox: str
    openai: str | None
    people: dict[str, str]
    password: str


def load_platform(file: Path) -> Platform:
    """Read platform.json. Raises StepFailed when nothing runs or a part that the demo drives is the real vendor's."""
    try:
        return _platform_of(orjson.loads(file.read_bytes()))
    except (OSError, orjson.JSONDecodeError):
        raise StepFailed(f"TrueCrime does not run: there is no record of it at {file}. Start it: make run.") from None
    except (LookupError, TypeError) as error:
        raise StepFailed(f"{file} is not the record of a platform that this demo knows ({error!r}).") from None


def _platform_of(document: dict[str, Any]) -> Platform:
    for part in ("cognito", "stripe"):
        if not document[part]["is_ours"]:
            raise StepFailed(f"The demo signs up and pays by itself, and cannot with the real {part.capitalize()}.")
    people = document["people"]
    return Platform(
        web=document["web"],
        login=document["cognito"]["url"],
        client_id=document["cognito"]["client_id"],
        mailbox=document["mail"]["url"],
        openai=document["openai"]["url"] if document["openai"]["is_ours"] else None,
        people={person["role"]: person["email"] for person in people},
        password=people[0]["password"],
    )
