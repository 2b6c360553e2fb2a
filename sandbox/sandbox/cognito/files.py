"""State in JSON files that a crash at any moment leaves whole, readable by their owner alone."""

import os
from pathlib import Path
from typing import Any

import orjson

from sandbox.servers.errors import CannotStart


def read_json(path: Path, default: Any) -> Any:
    """Return what `write_json` put there, or `default` where there is no file yet."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except orjson.JSONDecodeError:
        raise CannotStart(f"The file {path} is damaged; remove it to begin anew.") from None


def write_json(path: Path, content: Any) -> None:
    """Replace the file in one step. No fsync: state must outlive this process, not the machine's power."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    fresh.replace(path)
