"""python -m sandbox.alb: the load balancer of one machine, set up by environment variables alone."""

import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path

import uvloop

from sandbox.alb.rules import load_rules
from sandbox.alb.server import Settings, serve_until_stopped
from sandbox.servers.errors import CannotStart


def settings_from(environment: Mapping[str, str]) -> Settings:
    rules = load_rules(Path(environment.get("ALB_RULES", "deploy/alb/rules.json")))
    variables = {name: f"TARGET_{name.upper()}" for name in [*rules.health_checks, "web"]}
    return Settings(
        rules=rules,
        host=environment.get("ALB_HOST", "127.0.0.1"),
        port=_port(environment, "ALB_PORT", "8000"),
        status_port=_port(environment, "ALB_STATUS_PORT") if environment.get("ALB_STATUS_PORT") else None,
        targets={name: environment[variable] for name, variable in variables.items() if environment.get(variable)},
    )


def _port(environment: Mapping[str, str], name: str, default: str = "") -> int:
    value = environment.get(name) or default
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise CannotStart(f"{name} is {value!r}, which is no port number.")
    return int(value)


def main() -> int:
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        uvloop.run(serve_until_stopped(settings_from(os.environ)))
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
