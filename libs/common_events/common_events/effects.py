"""Effects of events outside the database, once their transaction is committed."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from common_events.envelope import Envelope
from common_events.handlers import AfterCommit, Handling
from common_events.tracing import handling

log = structlog.get_logger("consumer")
_PAUSES = (0.2, 1.0)


async def follow_up(consumer: str, envelopes: Iterable[Envelope], handlers: Mapping[str, Handling]) -> None:
    """Do what comes after the commit of these events. The pauses are for all of them together: others wait.

    What an effect raises is logged, and raised to nobody (`AfterCommit`).
    """
    pauses = iter(_PAUSES)
    for envelope in envelopes:
        handler = handlers.get(envelope.type)
        if isinstance(handler, AfterCommit):
            while not await _took_place(consumer, handler, envelope):
                wait = next(pauses, None)
                if wait is None:
                    log.error("effect given up", consumer=consumer, type=envelope.type, event_id=str(envelope.id))
                    break
                await asyncio.sleep(wait)


async def _took_place(consumer: str, handler: AfterCommit, envelope: Envelope) -> bool:
    try:
        with handling(consumer, envelope):
            await handler.effect(envelope)
    except Exception:  # a supervising loop: what is committed stays so, whatever breaks afterwards
        log.exception("effect failed", consumer=consumer, type=envelope.type, event_id=str(envelope.id))
        return False
    return True
