"""`python -m sandbox.demo`: the product's main job against the running platform, or against one started for it."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from sandbox.demo.errors import StepFailed
from sandbox.demo.platform import load_platform
from sandbox.demo.readers import many_readers, one_reader
from sandbox.demo.running import running
from sandbox.demo.screen import fail


def main(
    platform: Annotated[Path | None, typer.Option(help="platform.json of the run to use.")] = None,
    readers: Annotated[int, typer.Option(min=1, help="How many new readers do the main job at once.")] = 1,
) -> None:
    """Sign up, be refused, pay, read a story as it is written, and be seen by an admin."""
    file = platform or Path(os.environ.get("RUN_DIR") or ".run") / "platform.json"
    try:
        with running(file, may_start=platform is None):
            world = load_platform(file)
            asyncio.run(one_reader(world) if readers == 1 else many_readers(world, readers))
    except StepFailed as failure:
        fail(str(failure))
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
