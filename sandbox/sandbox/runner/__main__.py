"""python -m sandbox.runner: the whole platform with one command, until Ctrl-C."""

import asyncio
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Coroutine, Mapping
from typing import Any

from sandbox.runner.addresses import PORT_NAMES, SECRET_NAMES, find_addresses
from sandbox.runner.choices import Choices, read_choices
from sandbox.runner.directory import RunDirectory
from sandbox.runner.platform import Platform
from sandbox.runner.printing import Printer, wants_colour
from sandbox.runner.supervisor import Fallen, Supervisor
from sandbox.runner.table import print_table
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import is_free

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    try:
        choices = read_choices(os.environ)
        with RunDirectory(choices.directory) as directory:
            return asyncio.run(run(choices, directory, os.environ))
    except (CannotStart, Fallen) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or 'The system'}: {error.strerror or error}.")
    except KeyboardInterrupt:  # before the supervisor listens for it
        return 0


async def run(choices: Choices, directory: RunDirectory, environment: Mapping[str, str]) -> int:
    """Bring the platform up, keep it until it is told to stop or a part of it falls, and take it down."""
    colour = wants_colour(environment)
    printer = Printer(directory.logs, sys.stdout, colour=colour)
    supervisor = Supervisor(printer)
    stop = _listen_for_stops(supervisor)
    life = asyncio.create_task(_live(choices, directory, supervisor, colour=colour))
    try:
        await asyncio.wait([life, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            life.result()
        life.cancel()
        await asyncio.wait([life])
    finally:
        begin = time.monotonic()
        await supervisor.stop()
        printer.say(f"All stopped in {time.monotonic() - begin:.1f} s.")
        printer.close()
    return 0


async def _live(choices: Choices, directory: RunDirectory, supervisor: Supervisor, *, colour: bool) -> None:
    """Start everything, then wait for the first part that falls: this ends by Fallen, CannotStart or cancellation."""
    begin = time.monotonic()
    if not is_free(choices.port):
        raise CannotStart(
            f"Port {choices.port} is taken by another program: stop that, or choose another with make run PORT=8001."
        )
    ports = directory.ports(PORT_NAMES, taken=[choices.port])
    secrets = directory.secrets(SECRET_NAMES)
    addresses = find_addresses(choices, ports, secrets)
    document = await _unless_one_falls(Platform(choices, addresses, directory, secrets, supervisor).start(), supervisor)
    print_table(document, sys.stdout, colour=colour)
    sys.stdout.write(f"Started in {time.monotonic() - begin:.1f} s. Ctrl-C stops it.\n")
    sys.stdout.write(f"TrueCrime is ready: {addresses.web}\n")
    sys.stdout.flush()
    raise Fallen(await supervisor.fallen)


async def _unless_one_falls(start: Coroutine[Any, Any, dict[str, Any]], supervisor: Supervisor) -> dict[str, Any]:
    starting = asyncio.create_task(start)
    try:
        either: set[asyncio.Future[Any]] = {starting, supervisor.fallen}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            return starting.result()
        raise Fallen(supervisor.fallen.result())
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


def _listen_for_stops(supervisor: Supervisor) -> asyncio.Event:
    """The first signal asks everything to end in good order, the second ends it now."""
    stop = asyncio.Event()

    def hear() -> None:
        if stop.is_set():
            supervisor.kill()
        stop.set()

    for signum in _STOPS:
        asyncio.get_running_loop().add_signal_handler(signum, hear)
    return stop


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
