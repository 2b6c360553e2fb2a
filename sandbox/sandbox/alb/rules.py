"""The listener's rules as plain data, matched on the raw path as an AWS ALB does: nothing decoded or normalised."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.servers.errors import CannotStart


@dataclass(frozen=True, slots=True)
class Forward:
    target: str


@dataclass(frozen=True, slots=True)
class FixedResponse:
    status: int
    content_type: str
    body: bytes


Action = Forward | FixedResponse


@dataclass(frozen=True, slots=True)
class Rule:
    priority: int
    patterns: tuple[re.Pattern[str], ...]
    action: Action

    def matches(self, path: str) -> bool:
        return any(pattern.fullmatch(path) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    path: str
    statuses: tuple[range, ...]
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int

    def accepts(self, status: int) -> bool:
        return any(status in statuses for statuses in self.statuses)


@dataclass(frozen=True, slots=True)
class Rules:
    rules: tuple[Rule, ...]
    default: Action
    health_checks: Mapping[str, HealthCheck]
    web_health_check: HealthCheck
    idle_timeout: float
    document: Mapping[str, Any]

    def action_for(self, path: str) -> Action:
        return next((rule.action for rule in self.rules if rule.matches(path)), self.default)


def load_rules(path: Path) -> Rules:
    """Read the rules file; anything wrong with it is one sentence for the person who starts the program."""
    try:
        return parse_rules(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise CannotStart(f"The ALB rules file {path} cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise CannotStart(f"The ALB rules file {path} is not JSON: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CannotStart(f"The ALB rules file {path} is not complete: {error!r}.") from error


def parse_rules(document: Mapping[str, Any]) -> Rules:
    rules = sorted((_rule(row) for row in document["rules"]), key=lambda rule: rule.priority)
    if len({rule.priority for rule in rules}) < len(rules):
        raise ValueError("two rules have one priority")
    checks = {name: _health_check(target["health_check"]) for name, target in document["targets"].items()}
    for rule in rules:
        if isinstance(rule.action, Forward) and rule.action.target not in checks:
            raise ValueError(f"rule {rule.priority} forwards to {rule.action.target}, which is no target")
    return Rules(
        rules=tuple(rules),
        default=_action(document["default"]["action"]),
        health_checks=checks,
        web_health_check=_health_check(document["one_machine"]["web_target"]["health_check"]),
        idle_timeout=float(document["load_balancer"]["idle_timeout_seconds"]),
        document=document,
    )


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(row["priority"], tuple(_pattern(text) for text in row["path_patterns"]), _action(row["action"]))


def _pattern(text: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(letter) or re.escape(letter) for letter in text), re.DOTALL)


def _action(row: Mapping[str, Any]) -> Action:
    match row["type"]:
        case "forward":
            return Forward(row["target"])
        case "fixed-response":
            return FixedResponse(row["status_code"], row["content_type"], orjson.dumps(row["message_body"]))
        case unknown:
            raise ValueError(f"{unknown} is no action")


def _health_check(row: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(
        path=row["path"],
        statuses=tuple(_statuses(part) for part in row["matcher"].split(",")),
        interval=float(row["interval_seconds"]),
        timeout=float(row["timeout_seconds"]),
        healthy_threshold=row["healthy_threshold"],
        unhealthy_threshold=row["unhealthy_threshold"],
    )


def _statuses(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
