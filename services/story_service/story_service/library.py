"""`python -m story_service.library`: have stories written for the library, read what waits, and let it in or not.

The settings are those of the service. Nothing that is written here is published before a person approved it.
"""

import argparse
import asyncio
import re
import sys
from dataclasses import dataclass, replace
from typing import TextIO
from uuid import UUID

from common_service.ids import uuid7
from common_service.logging import configure_logging
from common_service.settings_reading import read_settings
from story_service.application.chain_writer import ChainWriter
from story_service.application.release import Mode
from story_service.application.review_house_stories import ReviewHouseStories
from story_service.application.write_house_story import WriteHouseStory
from story_service.domain.errors import Refusal, TextBlocked, WriterFailed
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import HouseStory
from story_service.domain.premises import premise
from story_service.domain.routing import Menu
from story_service.domain.story import Length, StoryRequest, TruthMode
from story_service.settings import Settings
from story_service.wiring.outside import outside
from story_service.wiring.use_cases import Ports

_MOST, _MOST_SHOWN, _MOST_FAILURES = 100, 200, 3
_INVENTED = [TruthMode.FICTION, TruthMode.INSPIRED]  # what is documented rests on the sources of a case
_REASON = re.compile(r"[a-z][a-z_/-]{0,63}")


@dataclass(frozen=True, slots=True)
class House:
    """What an editor of the library can do."""

    write: WriteHouseStory
    review: ReviewHouseStories


def house(ports: Ports, model: str) -> House:
    """Wire the use cases over the service's own writer and moderator."""
    start_work, now = ports.start_work, ports.now
    is_moderated = ports.mode is not Mode.OFF
    once = replace(ports.patience, retries=0)  # an editor sees the failure, and can ask again
    writer, menu = ChainWriter(ports.writer, ports.health, once), Menu(model, ports.keys)
    write = WriteHouseStory(start_work, writer, ports.moderator, is_moderated, menu, now, uuid7)
    return House(write, ReviewHouseStories(start_work, now, uuid7))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m story_service.library", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="have stories written; they wait for review")
    generate.add_argument("--count", type=_count, default=1, help=f"how many, 1 to {_MOST}")
    generate.add_argument("--premise", help="what they are about, instead of premises of the house")
    generate.add_argument("--truth-mode", choices=_INVENTED, type=TruthMode, default=TruthMode.FICTION)
    generate.add_argument("--length", choices=[*Length], type=Length, default=Length.MEDIUM)
    generate.add_argument("--tone")
    generate.add_argument("--model", help="instead of STORY_MODEL")
    commands.add_parser("waiting", help="list what waits for review, the oldest first")
    show = commands.add_parser("show", help="print a story that waits")
    approve = commands.add_parser("approve", help="publish a story that waits")
    turn_down = commands.add_parser("turn-down", help="withdraw a story that waits")
    for command in (show, approve, turn_down):
        command.add_argument("story", type=UUID)
    for command in (approve, turn_down):
        command.add_argument("--reviewer", type=UUID, required=True, help="the user id of whoever decides")
    turn_down.add_argument("--reason", type=_reason, required=True, help="a code of the policy, such as gore")
    return parser.parse_args(words)


async def carry_out(wanted: argparse.Namespace, tools: House, out: TextIO) -> int:
    """Return 0 when all that was wanted is done, 1 otherwise."""
    if wanted.command == "generate":
        return await _generate(wanted, tools.write, out)
    try:
        await _review(wanted, tools.review, out)
    except Refusal as refusal:
        out.write(f"{refusal}\n")
        return 1
    return 0


async def _generate(wanted: argparse.Namespace, write: WriteHouseStory, out: TextIO) -> int:
    """Write one after another; stop where the provider fails again and again."""
    failures = 0
    for number in range(wanted.count):
        request = StoryRequest(wanted.premise or premise(number), wanted.truth_mode, wanted.length, wanted.tone)
        try:
            story = await write(request)
        except (WriterFailed, TextBlocked, Refusal) as error:
            failures += 1
            out.write(f"{number + 1}/{wanted.count} not written: {error}\n")
            if failures >= _MOST_FAILURES:
                out.write("too many failures, stopped\n")
                break
        else:
            out.write(f"{number + 1}/{wanted.count} {_line(story)}\n")
    return 1 if failures else 0


async def _review(wanted: argparse.Namespace, review: ReviewHouseStories, out: TextIO) -> None:
    match wanted.command:
        case "waiting":
            out.writelines(f"{_line(story)}\n" for story in await review.waiting(_MOST_SHOWN))
        case "show":
            story = await review.one(StoryId(wanted.story))
            out.write(f"{_line(story)}\n\n{story.title}\n\n{story.body}\n")
        case "approve":
            story = await review.approve(StoryId(wanted.story), UserId(wanted.reviewer))
            out.write(f"published: {_line(story)}\n")
        case "turn-down":
            story = await review.turn_down(StoryId(wanted.story), UserId(wanted.reviewer), wanted.reason)
            out.write(f"withdrawn: {_line(story)}\n")


async def run(wanted: argparse.Namespace, settings: Settings) -> int:
    """Work on the service's own database, provider and moderator."""
    world = outside(settings)
    try:
        model = getattr(wanted, "model", None) or settings.story_model
        return await carry_out(wanted, house(world.ports, model), sys.stdout)
    finally:
        await world.close()


def main() -> int:
    """Return the exit code."""
    wanted = arguments()
    settings = read_settings(Settings)
    configure_logging("story-library", format=settings.log_format, level="ERROR")
    return asyncio.run(run(wanted, settings))


def _line(story: HouseStory) -> str:
    moderated = "moderated" if story.is_moderated else "not moderated"
    return f"{story.id}  {len(story.body.split())} words  {story.truth_mode}  {moderated}  {story.title}"


def _count(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= _MOST:
        raise argparse.ArgumentTypeError(f"1 to {_MOST}")
    return int(word)


def _reason(word: str) -> str:
    if not _REASON.fullmatch(word):
        raise argparse.ArgumentTypeError("a code in small letters, such as gore or real_person")
    return word


if __name__ == "__main__":
    sys.exit(main())
