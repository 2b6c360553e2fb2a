"""One step of the main job, ended in one of two ways: its outcome in words, or StepFailed in words."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2

from sandbox.demo.errors import StepFailed

Step = Callable[[], Awaitable[str]]
_PATIENCE = 300.0  # the real OpenAI takes its time over a day's stories


async def attempt(step: Step, patience: float = _PATIENCE) -> str:
    """Do a step. Raises StepFailed, also for silence and for documents of another shape than the step reads."""
    name = getattr(step, "__name__", "a step").replace("_", " ")
    try:
        async with asyncio.timeout(patience):
            return await step()
    except TimeoutError:
        raise StepFailed(f"In '{name}': not done after {patience:.0f} s.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise StepFailed(f"In '{name}': no answer ({_said(error)}).") from None
    except (LookupError, TypeError, ValueError) as error:
        raise StepFailed(f"In '{name}': an answer has another shape than expected ({_said(error)}).") from None


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
