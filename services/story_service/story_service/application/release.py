"""Lets windows out of the house under the policy in force: held back, concurrent, or off (decisions.md 7)."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from story_service.application.live import LiveGenerations
from story_service.application.ports import Clock, Moderator, NewId, StartWork
from story_service.domain.drafts import delta
from story_service.domain.generation import Generation
from story_service.domain.ids import DecisionId
from story_service.domain.moderation import Decision, Verdict, digest
from story_service.domain.windows import AT_ONCE, HELD_BACK, WindowRule

_OVERLAP = 200  # characters before a window that are judged with it, so that nothing hides across a cut


class Mode(StrEnum):
    """When a moderator is asked."""

    HOLD_BACK = "hold_back"
    CONCURRENT = "concurrent"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """How output is checked, and by whom."""

    mode: Mode
    moderator: Moderator
    new_id: NewId

    @property
    def rule(self) -> WindowRule:
        """How the stream is cut."""
        return HELD_BACK if self.mode is Mode.HOLD_BACK else AT_ONCE


class LeaseLost(Exception):
    """Somebody else writes this generation now, or closed it."""


class OutputBlocked(Exception):
    """A window breaks the rules."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("output blocked")
        self.decision = decision


class Release:
    """The way out for one run's windows. `text` is what was let out and committed, by this run.

    Of a kind that is not shown nothing is let out before the end; it is judged alike.
    """

    def __init__(
        self,
        generation: Generation,
        policy: ReleasePolicy,
        start_work: StartWork,
        live: LiveGenerations,
        now: Clock,
        *,
        is_shown: bool = True,
    ) -> None:
        self._generation, self._policy, self._now = generation, policy, now
        self._start_work, self._live, self._is_shown = start_work, live, is_shown
        self._parts: list[str] = []
        self._judged: list[tuple[str, asyncio.Task[Verdict]]] = []
        self._categories: dict[str, int] = {}

    @property
    def text(self) -> str:
        """Everything released."""
        return "".join(self._parts)

    async def __call__(self, *windows: str) -> None:
        """Release windows in their order, or raise OutputBlocked, ModerationUnavailable, LeaseLost."""
        filled = [window for window in windows if window]
        if self._policy.mode is Mode.OFF:
            await self._let_out(filled)
            return
        for window in filled:
            if self._policy.mode is Mode.HOLD_BACK:
                self._admit(window, await self._judge(window))
            else:
                self._judged.append((window, asyncio.create_task(self._judge(window))))
                self._check(only_done=True)
            await self._let_out([window])

    async def settle(self, tail: str = "") -> Decision | None:
        """Judge what is not let out, wait for verdicts still out, and return the decision on the whole.

        Raises as a release does.
        """
        if self._policy.mode is Mode.OFF:
            return None
        if tail.strip():
            self._admit(tail, await self._judge(tail))
        if self._judged:
            await asyncio.wait([task for _, task in self._judged])
            self._check(only_done=False)
        return self._decision(self.text + tail, Verdict(categories=self._categories))

    def abandon(self) -> None:
        """Ask no further."""
        for _, task in self._judged:
            task.cancel()

    async def _judge(self, window: str) -> Verdict:
        before = "".join(self._parts[-_OVERLAP:])[-_OVERLAP:]
        return await self._policy.moderator.judge(before + window)

    def _check(self, *, only_done: bool) -> None:
        waiting = []
        for window, task in self._judged:
            if task.done() or not only_done:
                self._admit(window, task.result())
            else:
                waiting.append((window, task))
        self._judged = waiting

    def _admit(self, window: str, verdict: Verdict) -> None:
        if verdict.is_block:
            raise OutputBlocked(self._decision(window, verdict))
        for name, score in verdict.categories.items():
            self._categories[name] = max(score, self._categories.get(name, 0))

    async def _let_out(self, windows: list[str]) -> None:
        if windows and self._is_shown:
            async with self._start_work() as work:
                drafts = [delta(window) for window in windows]
                appending = work.generations.append(self._generation, drafts, self._now())
                chunks, _ = await work.together(appending, work.commit())
            if chunks is None:
                raise LeaseLost
            self._live.publish(self._generation.id, chunks)
        self._parts += windows

    def _decision(self, text: str, verdict: Verdict) -> Decision:
        moderator = self._policy.moderator
        return Decision(
            DecisionId(self._policy.new_id()),
            self._generation.user_id,
            self._generation.target.id,
            "output",
            moderator.provider,
            moderator.policy_version,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(text),
            self._now(),
            self._generation.target.type,
        )
