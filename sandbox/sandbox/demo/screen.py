"""What the person who watches the demo sees."""

import time

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sandbox.demo.steps import Step, attempt

console = Console(highlight=False)


async def show(number: int, title: str, step: Step) -> None:
    """Do one step, and say how it went."""
    console.print(f"[bold]{number}. {title}[/bold]")
    started = time.perf_counter()
    outcome = await attempt(step)
    seconds = time.perf_counter() - started
    console.print(
        Padding(
            Text.assemble(("ok ", "bold green"), outcome, (f" ({seconds:.1f} s)", "dim")), (0, 0, 0, 3), expand=False
        )
    )


def tell(words: str) -> None:
    """Print words of a story as they come."""
    console.print(Text(words, style="italic"), end="", soft_wrap=True)


def fail(sentence: str) -> None:
    """Say on the error stream what went wrong."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text.assemble(("failed ", "bold red"), sentence))
