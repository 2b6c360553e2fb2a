"""Events: a snapshot of an object and, for updates, the values it had before."""

from sandbox.stripe.errors import JsonObject

API_VERSION = "2026-10-28.endive"


def event(
    event_id: str, event_type: str, body: JsonObject, created: int, request: JsonObject, previous: JsonObject | None
) -> JsonObject:
    data: JsonObject = {"object": body}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": request,
        "type": event_type,
    }


def changed(old: JsonObject, new: JsonObject) -> JsonObject:
    """The old values of what differs, nested hashes cut down to their differences; a new key was null before."""
    previous: JsonObject = {}
    for key in new.keys() | old.keys():
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            previous[key] = changed(before, after)
        else:
            previous[key] = before
    return previous
