"""One JSON line a request and one an event of business, with ids, never with bodies; secrets are struck out."""

import contextlib
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import Processor

from common_service.trace_headers import with_trace_ids

_SECRET_NAMES = re.compile(
    r"authorization|password|secret|api_?key|cookie|(^|[_-])token$|id_token|access_token|refresh_token|card|cvc|e?mail|prompt|content$|body$",
    re.IGNORECASE,
)
_SECRET_SHAPES = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JWT
    r"|\b(?:sk|rk|whsec)_\w{6,}|\bpk_(?:test|live)_\w+|\bsk-[\w-]{8,}"  # keys of Stripe and OpenAI
    r"|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address of mail
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # a password in a URL
    r"|(?<![\w.-])(?:\d[ -]?){13,19}(?![\w.-])"  # a card number
    r"|(?<=input_value=).+?(?=, input_type=)",  # what pydantic quotes of a body or of the settings
    re.DOTALL,
)
_STRUCK = "[redacted]"
_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
log = structlog.get_logger("request")


class JsonLines(logging.StreamHandler[TextIO]):
    """Standard output for JSON; takes a line that needs no redaction without the detour, 20 times as long."""

    def __init__(self, service: str) -> None:
        super().__init__(sys.stdout)
        self._service = service

    def write(self, event: Mapping[str, Any]) -> None:
        """Write an event whose every word is known to be harmless."""
        line = {
            "service": self._service,
            **event,
            **with_trace_ids(get_contextvars()),
            "level": "info",
            "timestamp": datetime.now(UTC),
        }
        with contextlib.suppress(OSError, ValueError):  # nobody listens: as with any other line, no reason to fail
            self.stream.write(orjson.dumps(line, default=str, option=_LINE).decode())
            self.stream.flush()


def log_answer(method: str, route: str, status: int, *, ms: float) -> None:
    """Write the line of a request. Its ids were checked by RequestContext, the rest is ours: nothing to strike out."""
    event = {"event": "answered", "method": method, "route": route, "status": status, "ms": ms}
    match logging.root.handlers:
        case [JsonLines() as lines]:
            if logging.root.isEnabledFor(logging.INFO):
                lines.write(event)
        case _:
            log.info(**event)


def configure_logging(service: str, *, format: str = "json", level: str = "INFO") -> None:  # noqa: A002 - the setting's name
    """Send every logger of the process to standard output, as `json` or as `console` lines."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        lambda _logger, _method, event: dict(with_trace_ids(event)),
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {"service": service, **event},
    ]
    console = format == "console"
    renderer = structlog.dev.ConsoleRenderer(colors=False) if console else structlog.processors.JSONRenderer(_json)
    last: list[Processor] = [structlog.processors.format_exc_info, redact, renderer]
    handler = logging.StreamHandler(sys.stdout) if console else JsonLines(service)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx2", "httpcore2", "httpx", "httpcore", "openai", "stripe", "urllib3", "botocore", "alembic"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.configure(
        processors=[*shared[:3], *shared[4:], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _json(event: MutableMapping[str, Any], **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out values under telling names, and texts shaped like tokens, keys, cards or addresses, at any depth."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if name != "event" and _SECRET_NAMES.search(name):
        return _STRUCK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return _SECRET_SHAPES.sub(_STRUCK, str(value))  # also what an object says of itself
