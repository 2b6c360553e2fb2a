"""Requests of both generating endpoints, checked as OpenAI checks them and read into one shape."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from sandbox.openai import tokens
from sandbox.openai.errors import ApiError, invalid, no_key, no_model, wrong_key

_FAMILIES = re.compile(r"(?:gpt-|o\d|chatgpt-|ft:|claude-|gemini-|llama|deepseek-|mixtral|qwen|truecrime-)")
_ROLES = frozenset(["system", "developer", "user", "assistant", "tool", "function"])
_ANY_OBJECT: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "story": {"type": "string"}},
    "required": ["title", "story"],
}
Message = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """`prompt` is what the user said last, `everything` all that was said, `key` the seed of what is answered."""

    model: str
    prompt: str
    everything: str
    key: str
    prompt_tokens: int
    is_conversation: bool
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    is_stream: bool = False
    includes_usage: bool = False


async def json_body(request: Request) -> dict[str, Any]:
    """Return the body of a caller who has a key."""
    check_key(request.headers.get("authorization"))
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise invalid("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise invalid("We could not parse the JSON body of your request: an object is expected.")
    return body


def check_key(header: str | None) -> None:
    """Any key will do but one that says of itself that it is invalid."""
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise no_key()
    if "invalid" in key:
        raise wrong_key(key)


def read_chat(body: Mapping[str, Any]) -> Ask:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if body.get("n") not in (None, 1):
        raise ApiError(400, "This server answers n=1 alone.", param="n", code="unsupported_value")
    options, stop = body.get("stream_options") or {}, body.get("stop") or ()
    if options and not body.get("stream"):
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    limit = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    return _ask(
        body,
        [_message(message, f"messages[{at}]") for at, message in enumerate(messages)],
        max_tokens=_limit(body, limit),
        schema=_chat_schema(body.get("response_format")),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        includes_usage=bool(options.get("include_usage")),
    )


def read_response(body: Mapping[str, Any]) -> Ask:
    given = body.get("input")
    messages: list[Message] = []
    if isinstance(instructions := body.get("instructions"), str):
        messages.append(("developer", instructions))
    if isinstance(given, str) and given:
        messages.append(("user", given))
    elif isinstance(given, list) and given:
        messages += [_message(item, f"input[{at}]") for at, item in enumerate(given)]
    else:
        raise invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    form = (body.get("text") or {}).get("format") or {}
    return _ask(body, messages, max_tokens=_limit(body, "max_output_tokens"), schema=_schema(form, form, "text.format"))


def model_of(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("you must provide a model parameter")
    if not _FAMILIES.match(model):
        raise no_model(model)
    return model


def _ask(body: Mapping[str, Any], messages: Sequence[Message], **settings: Any) -> Ask:
    users = [text for role, text in messages if role == "user"]
    everything = "\n".join(text for _, text in messages)
    return Ask(
        model=model_of(body),
        prompt=users[-1] if users else everything,
        everything=everything,
        key=f"{body.get('seed', '')}\n{everything}",
        prompt_tokens=sum(tokens.count(text) + 3 for _, text in messages) + 3,
        is_conversation=any(role == "assistant" for role, _ in messages),
        is_stream=bool(body.get("stream")),
        **settings,
    )


def _message(message: Any, where: str) -> Message:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise invalid(f"Invalid value for '{where}.role'.", where, "invalid_value")
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") or part.get("refusal") or "" for part in content if isinstance(part, dict)]
        return message["role"], "\n".join(parts)
    if content is not None and not isinstance(content, str):
        raise invalid(f"Invalid type for '{where}.content'.", f"{where}.content", "invalid_type")
    return message["role"], content or ""


def _limit(body: Mapping[str, Any], name: str) -> int | None:
    limit = body.get(name)
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise invalid(f"Invalid '{name}': integer below minimum value. Expected a value >= 1.", name)
    return limit


def _chat_schema(form: Any) -> Mapping[str, Any] | None:
    form = form or {}
    return _schema(form, form.get("json_schema") or {}, "response_format")


def _schema(form: Mapping[str, Any], holder: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
    match form.get("type", "text"):
        case "text":
            return None
        case "json_object":
            return _ANY_OBJECT
        case "json_schema" if isinstance(schema := holder.get("schema"), dict):
            return schema
        case kind:
            raise invalid(f"Invalid value for '{where}': {kind!r}.", where, "invalid_value")
