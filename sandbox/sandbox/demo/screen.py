"""What the person who watches the demo sees."""

import time
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

console = Console(highlight=False)


async def show(number: int, title: str, step: Callable[[], Awaitable[str]]) -> None:
    """Do one step, and say how it went."""
    console.print(f"[bold]{number}. {title}[/bold]")
    started = time.perf_counter()
    outcome = await step()
    seconds = time.perf_counter() - started
    console.print(Padding(Text.assemble(("ok ", "bold green"), outcome, (f"  ({seconds:.1f} s)", "dim")), (0, 0, 0, 3)))


def tell(words: str) -> None:
    """Print words of a story as they come."""
    console.print(Text(words, style="italic"), end="", soft_wrap=True)


def fail(sentence: str) -> None:
    """Say what went wrong."""
    console.print(Text.assemble(("failed ", "bold red"), sentence))
