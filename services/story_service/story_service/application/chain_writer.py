"""Asks the models of a chain one after another, until one has said its first word. After it there is no other try."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from story_service.application.model_ports import Health
from story_service.application.ports import StoryWriter
from story_service.domain.errors import WriterFailed
from story_service.domain.pricing import CatalogModel, Usage
from story_service.domain.prompt import Prompt

log = logging.getLogger("story")
_TRIED_AGAIN = frozenset({"provider_rate_limited", "provider_unavailable", "provider_cut"})
_IN_TROUBLE = _TRIED_AGAIN | {"provider_timeout", "provider_malformed"}
_TRIED_ELSEWHERE = _IN_TROUBLE | {"provider_rejected"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a provider may be silent before its first word, and how often one that fails is asked again."""

    first_word_seconds: float = 20.0
    retries: int = 1
    pause_seconds: float = 0.4


@dataclass(frozen=True, slots=True)
class ChainWriter:
    """Falls back before the first word only: a reader never sees the beginnings of two texts.

    A provider that is known to be down is not asked: the next one writes at once.
    """

    writer: StoryWriter
    health: Health
    patience: Patience = Patience()

    async def write(
        self, models: Sequence[CatalogModel], prompt: Prompt, most_tokens: int
    ) -> AsyncGenerator[CatalogModel | str | Usage, None]:
        """Yield the model that answers, then what it writes. Raises WriterFailed, with the code of the last failure."""
        failure = WriterFailed("provider_unavailable")
        for model in models:
            attempt = 0
            while self.health.allows(model.provider):
                await asyncio.sleep(random.uniform(0, self.patience.pause_seconds) * attempt)  # full jitter
                async with contextlib.aclosing(self.writer.write(model, prompt, most_tokens)) as pieces:
                    try:
                        first = await self._first(model, pieces)
                    except WriterFailed as error:
                        failure = error
                    else:
                        yield model
                        if first is not None:
                            yield first
                        async for piece in pieces:
                            yield piece
                        return
                log.warning("provider failed", extra={"provider": model.provider, "code": failure.code})
                attempt += 1
                if not self._is_tried_again(model, failure, attempt):
                    break
            if failure.code not in _TRIED_ELSEWHERE:
                break
        raise failure

    async def _first(self, model: CatalogModel, pieces: AsyncGenerator[str | Usage, None]) -> str | Usage | None:
        """Return the first piece, and note how the provider is doing. Raises WriterFailed."""
        failure: WriterFailed | None = None
        try:
            async with asyncio.timeout(self.patience.first_word_seconds):
                first = await anext(pieces, None)
        except TimeoutError:
            failure = WriterFailed("provider_timeout")
        except WriterFailed as error:
            failure = error
        self.health.record(model.provider, succeeded=failure is None or failure.code not in _IN_TROUBLE)
        if failure:
            raise failure
        return first

    def _is_tried_again(self, model: CatalogModel, failure: WriterFailed, attempt: int) -> bool:
        if failure.code not in _TRIED_AGAIN or attempt > self.patience.retries:
            return False
        return self.health.may_retry(model.provider)
