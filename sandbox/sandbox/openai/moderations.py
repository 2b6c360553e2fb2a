"""POST /v1/moderations, decided by words alone and always the same way.

`[[unsafe:violence/graphic]]` in a text flags that category and the one it belongs to; a few phrases that no crime
story needs flag theirs; murder, knives and blood only raise a score.
"""

import re
import secrets
import time
import zlib
from typing import Any

import orjson
from starlette.requests import Request

from sandbox.openai.delivery import Delivery, Frames
from sandbox.openai.errors import invalid
from sandbox.openai.headers import json_headers
from sandbox.openai.requests import json_body
from sandbox.openai.switches import Switches

CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
)
_SEEN_IN_PICTURES = frozenset(
    ["self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "violence", "violence/graphic"]
)
_MARK = re.compile(r"\[\[unsafe:([a-z/-]+)\]\]")
_PHRASES = (
    ("illicit/violent", r"how (?:to|do (?:i|you)) (?:make|build) (?:an? )?(?:pipe )?(?:bomb|explosive)"),
    ("illicit", r"how (?:to|do i) (?:get away with|commit) (?:a )?murder in real life|how to (?:cook|make) meth"),
    ("self-harm/instructions", r"how (?:to|do i|can i) (?:kill|hurt|harm) myself|best way to kill myself"),
    ("self-harm/intent", r"i (?:want|am going|plan) to (?:kill|hurt) myself"),
    ("sexual/minors", r"(?:sexual|erotic|sex)\b[^.]{0,40}\b(?:minor|child|underage|schoolgirl)"),
    ("sexual", r"explicit (?:sex|sexual|pornographic) (?:scene|content|story)"),
    ("violence/graphic", r"(?:extremely|as) (?:graphic|gory)(?: as possible)? (?:gore|torture)|torture porn"),
    ("hate/threatening", r"(?:exterminate|kill) all (?:jews|muslims|christians|immigrants|gays)"),
    ("hate", r"(?:jews|muslims|immigrants|gays) are (?:vermin|subhuman)"),
    ("harassment/threatening", r"i (?:will|am going to) (?:find and )?kill (?:you|her|him) (?:for real|tonight)"),
    ("harassment", r"you are (?:worthless|a waste of space)"),
)  # fmt: skip
_RULES = tuple((category, re.compile(pattern, re.IGNORECASE)) for category, pattern in _PHRASES)
_CRIME = re.compile(
    r"\b(?:murder\w*|kill\w*|knife|stab\w*|blood\w*|corpse|gun|shot|strangl\w*|poison\w*)\b", re.IGNORECASE
)


async def moderate(request: Request) -> Delivery:
    started = time.perf_counter()
    switches: Switches = request.app.state.switches
    body = await json_body(request)
    results = [_result(text, kinds) for text, kinds in _inputs(body.get("input"))]
    fault = switches.take("moderations")
    if fault and (error := fault.error()):
        raise error
    model = "omni-moderation-latest" if body.get("model") is None else str(body["model"])
    answer = orjson.dumps({"id": f"modr-{secrets.token_hex(12)}", "model": model, "results": results})
    middle = len(answer) // 2
    frames = Frames([answer[:middle], answer[middle:]], 1, 1)
    return Delivery(frames, switches, fault, json_headers(started, len(answer)))


def flagged_categories(text: str) -> set[str]:
    marked = {category if category in CATEGORIES else "illicit" for category in _MARK.findall(text)}
    found = marked | {category for category, rule in _RULES if rule.search(text)}
    return found | {category.partition("/")[0] for category in found}


def _inputs(given: Any) -> list[tuple[str, frozenset[str]]]:
    """Return each text with its kinds of input: a list of parts is one text, a list of strings several."""
    only_text = frozenset(["text"])
    if isinstance(given, str):
        return [(given, only_text)]
    if isinstance(given, list) and given and all(isinstance(text, str) for text in given):
        return [(text, only_text) for text in given]
    if isinstance(given, list) and given and all(isinstance(part, dict) for part in given):
        kinds = frozenset("image" if part.get("type") == "image_url" else "text" for part in given)
        return [("\n".join(str(part.get("text", "")) for part in given), kinds)]
    raise invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter")


def _result(text: str, kinds: frozenset[str]) -> dict[str, Any]:
    flagged, crimes = flagged_categories(text), min(len(_CRIME.findall(text)), 8)
    noise = zlib.crc32(text.encode())
    scores = {category: _score(category, flagged, crimes, noise) for category in CATEGORIES}
    return {
        "flagged": bool(flagged),
        "categories": {category: category in flagged for category in CATEGORIES},
        "category_scores": scores,
        "category_applied_input_types": {category: _kinds(category, kinds) for category in CATEGORIES},
    }


def _score(category: str, flagged: set[str], crimes: int, noise: int) -> float:
    tiny = (zlib.crc32(category.encode(), noise) % 1000) / 1e7
    if category in flagged:
        return round(0.93 + tiny * 100, 6)
    if category == "violence":
        return round(0.01 + crimes * 0.04 + tiny, 6)
    return round(1e-6 + tiny + (crimes * 0.003 if category == "violence/graphic" else 0), 8)


def _kinds(category: str, kinds: frozenset[str]) -> list[str]:
    return sorted(kinds if category in _SEEN_IN_PICTURES else kinds & {"text"}, reverse=True)
