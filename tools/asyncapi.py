"""Writes contracts/asyncapi.json from contracts/events/ and the table below; `--check` only tells of a difference."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
EVENTS, DOCUMENT = CONTRACTS / "events", CONTRACTS / "asyncapi.json"
CONSUMERS = {"admin": "admin", "story.access": "story", "payment": "payment", "user": "user"}
"""Who reads, by the name of its consumer group, and whose process that is."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a type of event comes from, what it stays in order with, and who reads it."""

    source: str
    one_order: str
    consumers: tuple[str, ...]


_OF_USER = Flow("user", "person", ("admin",))
_OF_PAYMENT = Flow("payment", "person", ("admin",))
_TO_PEOPLE = Flow("payment", "person", ("admin", "user"))
_SUBSCRIPTION = (
    *("created", "renewed", "upgraded", "downgraded"),
    *("cancel_scheduled", "resumed", "paused", "cancelled"),
)
_STORY = ("created", "published", "unpublished", "cloned", "analyzed")
FLOWS = {
    "user.registered": _OF_USER,
    "user.updated": Flow("user", "person", ("admin", "payment", "story.access")),
    "user.status_changed": Flow("user", "person", ("admin", "payment", "story.access", "user")),
    **{f"subscription.{what}": _TO_PEOPLE for what in _SUBSCRIPTION},
    "payment.succeeded": _OF_PAYMENT,
    "payment.failed": _OF_PAYMENT,
    "payment.disputed": _OF_PAYMENT,
    "payment.refunded": _OF_PAYMENT,
    "reconcile.drift_found": Flow("payment", "Stripe customer", ("admin",)),
    "entitlement.granted": _TO_PEOPLE,
    "dunning.notice_due": _TO_PEOPLE,
    "plan.entitlements_changed": Flow("payment", "plan", ("admin",)),
    "entitlement.voided": _OF_PAYMENT,
    "access.changed": Flow("payment", "person", ("admin", "story.access")),
    "webhook.dead": Flow("payment", "Stripe customer", ("admin",)),
    **{f"story.{what}": Flow("story", "story", ("admin",)) for what in _STORY},
    "story.purged": Flow("story", "person", ("admin",)),
    "characters.extracted": Flow("story", "story", ("admin",)),
    "case.updated": Flow("story", "case", ("admin",)),
    "case.person_status_changed": Flow("story", "case", ("admin",)),
    "moderation.case_opened": Flow("story", "case", ("admin",)),
    "moderation.case_resolved": Flow("story", "case", ("admin",)),
    "user.struck": Flow("story", "person", ("admin", "user")),
    "generation.closed": Flow("story", "generation", ("admin",)),
    "usage.settled": Flow("story", "person", ("admin",)),
    "moderation.decided": Flow("story", "story", ("admin",)),
    "conversation.created": Flow("story", "conversation", ("admin",)),
    "message.completed": Flow("story", "conversation", ("admin",)),
}
SOURCES = tuple(dict.fromkeys(flow.source for flow in FLOWS.values()))
_DESCRIPTION = (
    "Every event between the services of TrueCrime: CloudEvents in JSON, one stream for each service that tells, at "
    "least once to each service that reads, in order within a partition key. Redis Streams carry them, or SNS and SQS; "
    "the message is the same. An operation is named for the service that does it."
)


@dataclass(frozen=True, order=True, slots=True)
class Kind:
    """A type of event in one version."""

    type: str
    version: int

    def __str__(self) -> str:
        return f"{self.type}.v{self.version}"


def kinds() -> list[Kind]:
    """Return every type and version that has a schema."""
    names = (file.stem.rpartition(".v") for file in EVENTS.glob("*.v*.json"))
    return sorted(Kind(name, int(version)) for name, _, version in names)


@cache
def schema(name: str) -> dict[str, Any]:
    """Return a schema of the folder, with what it takes from parts.json put in its place."""
    document = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    whole: dict[str, Any] = _whole({key: value for key, value in document.items() if key != "$schema"})
    return whole


def message(kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event around an example of its data."""
    first: dict[str, Any] = schema("envelope")["examples"][0]
    own: dict[str, Any] = {"type": kind.type, "source": FLOWS[kind.type].source, "schema_version": kind.version}
    match FLOWS[kind.type].one_order:
        case "person":
            own["partition_key"] = first["subject"]
        case "plan":
            own |= {"subject": None, "partition_key": f"plan:{data['plan']}"}
        case "Stripe customer":
            own |= {"subject": None, "partition_key": "cus_1SVa2b"}
        case "case":
            own["partition_key"] = data["case_id"]
        case "conversation":
            own["partition_key"] = data["conversation_id"]
        case _:
            own["partition_key"] = data.get("story_id") or data.get("target", {}).get("id") or data["generation_id"]
    version = data.get("version", data.get("ledger_seq", 1))
    return {**first, **own, "aggregate_version": version, "data": dict(data)}


def document() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "TrueCrime events", "version": "1.0.0", "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {source: _channel(source) for source in SOURCES},
        "operations": dict(_operations()),
        "components": {
            "messages": {str(kind): _message(kind) for kind in kinds()},
            "schemas": {name: _plain(name) for name in ("envelope", *map(str, kinds()))},
        },
    }


def written() -> str:
    """Return the document as its file has it."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write, or compare with `--check`."""
    only_check = "--check" in sys.argv[1:]
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == written():
        return 0
    if not only_check:
        DOCUMENT.write_text(written(), encoding="utf-8")
    print(f"{'differs from the schemas' if only_check else 'written'}: {DOCUMENT.name}")
    return 1 if only_check else 0


def _channel(source: str) -> dict[str, Any]:
    return {
        "address": f"events:{source}",
        "title": f"What {source}_service tells",
        "messages": {str(kind): {"$ref": f"#/components/messages/{kind}"} for kind in _told_by(source)},
    }


def _operations() -> list[tuple[str, dict[str, Any]]]:
    sent = [(f"{source}.sends", _operation("send", source, source, _told_by(source))) for source in SOURCES]
    received = [
        (f"{consumer}.receives.{source}", _operation("receive", service, source, heard))
        for consumer, service in CONSUMERS.items()
        for source in SOURCES
        if (heard := [kind for kind in _told_by(source) if consumer in FLOWS[kind.type].consumers])
    ]
    return sent + received


def _operation(action: str, service: str, source: str, subset: list[Kind]) -> dict[str, Any]:
    return {
        "action": action,
        "title": f"{service}_service {action}s",
        "channel": {"$ref": f"#/channels/{source}"},
        "messages": [{"$ref": f"#/channels/{source}/messages/{kind}"} for kind in subset],
        "tags": [{"name": service}],
    }


def _message(kind: Kind) -> dict[str, Any]:
    flow, data = FLOWS[kind.type], schema(str(kind))
    fixed = {"type": kind.type, "source": flow.source, "schema_version": kind.version}
    own = {name: {"const": value} for name, value in fixed.items()}
    return {
        "name": kind.type,
        "title": str(kind),
        "summary": data["description"],
        "description": f"In order with the others of the same {flow.one_order}.",
        "correlationId": {"location": "$message.payload#/correlation_id"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {"properties": {**own, "data": {"$ref": f"#/components/schemas/{kind}"}}},
            ]
        },
        "examples": [{"payload": message(kind, example)} for example in data["examples"]],
    }


def _plain(name: str) -> dict[str, Any]:
    return {key: value for key, value in schema(name).items() if key != "examples"}


def _told_by(source: str) -> list[Kind]:
    return [kind for kind in kinds() if FLOWS[kind.type].source == source]


def _whole(node: Any) -> Any:
    """Return a schema without references, so that descriptions beside one are kept by every reader."""
    if isinstance(node, list):
        return [_whole(item) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: _whole(value) for key, value in node.items() if key != "$ref"}
    return {**_whole(_part(node["$ref"])), **own} if "$ref" in node else own


@cache
def _part(reference: str) -> dict[str, Any]:
    parts = json.loads((EVENTS / "parts.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = parts["$defs"][reference.removeprefix("parts.json#/$defs/")]
    return found


if __name__ == "__main__":
    sys.exit(main())
