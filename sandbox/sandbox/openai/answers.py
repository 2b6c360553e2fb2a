"""What is to be said, before it has a vendor's shape: the tokens, why they end, and what is reported as used."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.openai import tokens
from sandbox.openai.prose.brief import Brief, read_brief
from sandbox.openai.prose.engine import compose
from sandbox.openai.requests import Ask
from sandbox.openai.schema import value_for
from sandbox.openai.switches import Fault

_REFUSAL = "I\u2019m sorry, but I can\u2019t help with that request."
_WORDS_A_TOKEN = 0.68
_LEAST_WORDS = 60  # with fewer tokens than that a story is cut short, as a model's would be
_OVERRUN = 5


@dataclass(frozen=True, slots=True)
class Answer:
    pieces: Sequence[str]
    is_cut_short: bool
    is_refusal: bool
    prompt_tokens: int
    reported_tokens: int | None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def answer(ask: Ask, fault: Fault | None) -> Answer:
    kind = fault.kind if fault else ""
    text = {"refusal": _REFUSAL, "empty": ""}[kind] if kind in ("refusal", "empty") else _text(ask)
    if kind == "split_utf8" and text.isascii() and ask.schema is None:
        text = f"\u2014 {text}"  # there must be something to tear
    pieces = tokens.split(text)
    is_long = ask.max_tokens is not None and len(pieces) > ask.max_tokens
    sent = pieces[: ask.max_tokens] if is_long else pieces
    reported = None if kind == "no_usage" else len(sent) * (_OVERRUN if kind == "usage_overrun" else 1)
    return Answer(sent, is_long, kind == "refusal", ask.prompt_tokens, reported)


def brief_of(ask: Ask) -> Brief:
    budget = max(_LEAST_WORDS, int(ask.max_tokens * _WORDS_A_TOKEN)) if ask.max_tokens else None
    return read_brief(ask.prompt, ask.everything, ask.key, budget_words=budget, is_reply=ask.is_conversation)


def _text(ask: Ask) -> str:
    text = compose(brief_of(ask)) if ask.schema is None else value_for(ask.schema, brief_of(ask))
    for stop in ask.stop:
        text = text.partition(stop)[0]
    return text
