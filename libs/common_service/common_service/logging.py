"""One JSON line a request and one an event of business, with ids, never with bodies; secrets are struck out."""

import asyncio
import contextlib
import logging
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
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
_OURS = frozenset({"trace_id", "span_id"})  # made here; one in two thousand has the look of a card number
_SECRET_SHAPES = re.compile(  # bounded, or begun once a word: a long text costs no square of its length
    r"eyJ[\w-]{8,1024}\.[\w-]+\.[\w-]*"  # a JWT
    r"|\b(?:sk|rk|whsec)_\w{6,}|\bpk_(?:test|live)_\w+|\bsk-[\w-]{8,}"  # keys of Stripe and OpenAI
    r"|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"  # an address of mail
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # a password in a URL
    r"|(?<![\w.-])(?:\d[ -]?){13,19}(?![\w.-])"  # a card number
    r"|(?<=input_value=).{1,512}?(?=, input_type=)",  # what pydantic quotes of a body or of the settings: 50 letters
    re.DOTALL,
)
_STRUCK = "[redacted]"
_TOGETHER_SECONDS, _MOST_WAITING = 0.05, 500
_TALKATIVE = (  # at DEBUG they tell of bodies, headers, statements and the rows that came back
    "httpx2", "httpcore2", "httpx", "httpcore", "openai", "stripe", "urllib3", "botocore", "boto3", "s3transfer",
    "sqlalchemy", "alembic", "hpack",
)  # fmt: skip
log = structlog.get_logger("request")


class JsonLines(logging.StreamHandler[TextIO]):
    """Standard output for JSON; takes the line of a request without the detour that others need, 20 times as long.

    Such lines wait for up to 50 ms and leave together: a write of its own cost each request more than the rest of its
    line. Any other line takes them along at once, and so does a regular end. Only a process that is killed loses the
    lines of its last 50 ms, and they say no more than that requests were answered.
    """

    def __init__(self, service: str) -> None:
        super().__init__(sys.stdout)
        self._service = service
        self._waiting: list[bytes] = []
        self._heads: dict[tuple[str, str, int], bytes] = {}
        self._second, self._time = 0, b""

    def answered(self, method: str, route: str, status: int, ms: float, ids: bytes) -> None:
        """Write the line of a request, whose every word is known to be harmless; `ids` are members of its object."""
        key = method, route, status
        if (head := self._heads.get(key)) is None:  # as many as there are routes and statuses
            event = {"service": self._service, "event": "answered", "method": method, "route": route, "status": status}
            head = self._heads[key] = orjson.dumps(event)[:-1]
        second, fraction = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second, self._time = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        line = head, ms, ids, self._time, fraction // 1000
        self._waiting.append(b'%b,"ms":%.1f,%b"level":"info","timestamp":"%b.%06dZ"}\n' % line)
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self.flush)
            except RuntimeError:  # no loop runs
                self.flush()
        elif len(self._waiting) >= _MOST_WAITING:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write any other line, behind those that wait."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits; `logging` does so at the end of the process."""
        with self.lock or contextlib.nullcontext():
            lines, self._waiting = self._waiting, []
            with contextlib.suppress(OSError, ValueError):  # nobody listens: as with any other line, no reason to fail
                if lines:
                    self.stream.write(b"".join(lines).decode())
                super().flush()


def log_answer(method: str, route: str, status: int, *, ms: float, ids: tuple[str, str | None] | None = None) -> None:
    """Write the line of a request. Its ids were checked by RequestContext, the rest is ours: nothing to strike out.

    `ids` are those of the request and of its place in the trace, where they are at hand: reading the context for them
    takes as long as all the rest.
    """
    match logging.root.handlers:
        case [JsonLines() as lines]:
            if logging.root.isEnabledFor(logging.INFO):
                lines.answered(method, route, status, ms, _members(ids))
        case _:
            log.info("answered", method=method, route=route, status=status, ms=round(ms, 1))


def _members(ids: tuple[str, str | None] | None) -> bytes:
    if ids and not ids[1]:
        return b'"request_id":"%b",' % ids[0].encode()
    context = {"request_id": ids[0], "traceparent": ids[1]} if ids else get_contextvars()
    return orjson.dumps(with_trace_ids(context), default=str)[1:-1] + b"," if context else b""


def configure_logging(service: str, *, format: str = "json", level: str = "INFO") -> None:  # noqa: A002 - the setting's name
    """Send every logger of the process to standard output, as `json` or as `console` lines.

    Raises ValueError for a `level` that `logging` does not know.
    """
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
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel("WARNING")
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
    if value is None or isinstance(value, bool | int | float) or name in _OURS:
        return value
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return _SECRET_SHAPES.sub(_STRUCK, str(value))  # also what an object says of itself
