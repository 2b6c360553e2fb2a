"""What a story would cost before it is asked for, and the chain that proves what it did cost."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from common_auth.testing import TestIssuer
from services.story_service.tests.worlds import NOON, OTHER, READER, STORY_TEXT, World, a_plan, in_pieces, no_plan
from story_service.application.generate_story import Ask
from story_service.application.quote_call import Quotation
from story_service.domain import errors, ledger
from story_service.domain.access import Limit
from story_service.domain.ids import ReservationId
from story_service.domain.story import Length, StoryRequest
from story_service.domain.usage import CONCURRENT, STORIES, TOKENS

pytestmark = pytest.mark.anyio
WISH = Ask(READER, StoryRequest("A keeper vanishes", length=Length.SHORT))


@pytest.fixture
async def http(app: FastAPI, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    own = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story", headers=own) as client:
        yield client


@pytest.fixture
def auditor(issuer: TestIssuer) -> dict[str, str]:
    acting = issuer.reader(OTHER, groups=["admin"])
    return {"Authorization": f"Bearer {issuer.service('story/admin')}", "X-Actor-Token": acting}


async def quoted(world: World, ask: Ask = WISH) -> Quotation:
    return await world.use.quote(ask.call, world.use.generate.commission(ask))


async def test_a_quote_is_what_the_call_is_then_accepted_on(world: World) -> None:
    before = await quoted(world)
    generation = await world.ask()
    assert before.refusal is None
    assert (before.terms.meters, before.terms.max_cost_micros) == (
        generation.quote.meters,
        generation.quote.max_cost_micros,
    )


async def test_a_quote_takes_nothing(world: World) -> None:
    before = await world.use.usage(READER)
    await quoted(world)
    assert await world.use.usage(READER) == before


async def test_a_quote_gives_the_refusal_of_the_call(world: World) -> None:
    plan = world.subscriptions.plan
    refusals = {
        errors.SubscriptionRequired: (no_plan(), WISH),
        errors.PlanUpgradeRequired: (plan, replace(WISH, model="gpt-5")),
        errors.MaxPriceExceeded: (plan, replace(WISH, max_price=3)),
        errors.QuotaExceeded: (a_plan(stories=0), WISH),
    }
    for kind, (access, ask) in refusals.items():
        world.subscriptions.plan = access
        assert type((await quoted(world, ask)).refusal) is kind


async def test_what_is_reserved_now_counts_in_a_quote(world: World) -> None:
    world.subscriptions.plan = a_plan(stories=1)
    world.writer.scripts = [[asyncio.Event()]]
    await world.ask()
    quotation = await quoted(world)
    assert isinstance(quotation.refusal, errors.QuotaExceeded)
    assert (quotation.refusal.meter, quotation.refusal.limit, quotation.refusal.used) == (STORIES, 1, 1)
    assert quotation.terms.meters[STORIES].remaining_after == 0


async def test_as_many_as_the_plan_allows_at_once_are_named_first(world: World) -> None:
    world.subscriptions.plan = a_plan(stories=1, at_once=1)
    world.writer.scripts = [[asyncio.Event()]]
    await world.ask()
    refusal = (await quoted(world)).refusal
    assert isinstance(refusal, errors.QuotaExceeded)
    assert refusal.meter == CONCURRENT


async def test_without_a_limit_nothing_remains_to_be_told(world: World) -> None:
    world.subscriptions.plan = a_plan(tokens=None)
    assert (await quoted(world)).terms.meters[TOKENS].remaining_after is None


async def test_a_quote_over_http(world: World, http: httpx2.AsyncClient) -> None:
    answer = await http.post("/story/v1/quotes", json={"prompt": "A keeper vanishes", "length": "short"})
    body = answer.json()
    assert (answer.status_code, body["allowed"], body["refusal"], body["model"]) == (200, True, None, "gpt-5-mini")
    assert body["meters"]["stories.day"] == {"max": 1, "remaining_after": 9}
    assert body["price"] == body["meters"]["tokens.month"]["max"]
    world.subscriptions.plan = no_plan()
    refused = (await http.post("/story/v1/quotes", json={"prompt": "A keeper vanishes"})).json()
    assert (refused["allowed"], refused["refusal"]["code"], refused["refusal"]["status"]) == (
        False,
        "subscription_required",
        402,
    )
    assert refused["refusal"]["action"]["href"] == "/payment/v1/checkout-sessions"
    unknown = await http.post("/story/v1/quotes", json={"prompt": "A keeper vanishes", "model": "none-such"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "model_unavailable")


async def test_models_tell_what_the_plan_includes(http: httpx2.AsyncClient) -> None:
    items = (await http.get("/story/v1/models")).json()["items"]
    assert {item["model"]: (item["included"], item["weight_milli"]) for item in items} == {
        "gpt-5": (False, 5000),
        "gpt-5-mini": (True, 1000),
    }


async def test_readers_can_hash_their_own_ledger(world: World, http: httpx2.AsyncClient) -> None:
    for number in range(3):
        await world.ended(await world.ask(f"key-{number}"))
    entries: list[dict[str, Any]] = []
    address: str | None = "/story/v1/usage/ledger?limit=5"
    while address:
        page = (await http.get(address)).json()
        entries += page["items"]
        address = f"/story/v1/usage/ledger?limit=5&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert [entry["seq"] for entry in entries] == list(range(len(entries), 0, -1))
    prev = bytes(32)
    for entry in reversed(entries):
        at = entry["occurred_at"].replace("Z", "+00:00")
        said = [str(READER), *(entry[name] for name in _NAMES), at if "." in at else at.replace("+", ".000000+")]
        assert entry["prev_hash"] == prev.hex()
        prev = hashlib.sha256(prev + json.dumps(said, separators=(",", ":")).encode()).digest()
        assert entry["hash"] == prev.hex()
    head = {"seq": len(entries), "hash": prev.hex()}
    assert (await http.get("/story/v1/usage")).json()["ledger"] == page["head"] == head


_NAMES = ("seq", "meter", "kind", "amount", "reserved_after", "settled_after", "reservation_id")


async def test_a_sound_ledger_is_found_so_while_money_is_held(
    world: World, http: httpx2.AsyncClient, auditor: dict[str, str]
) -> None:
    await world.ended(await world.ask("first"))
    world.writer.scripts = [[asyncio.Event()]]
    await world.ask("second")
    found = (await http.post(f"/internal/v1/ledger/{READER}/verify", headers=auditor)).json()
    assert (found["ok"], found["first_bad"], found["disagreeing"]) == (True, None, [])
    newest = (await http.get(f"/internal/v1/ledger/{READER}?limit=1", headers=auditor)).json()
    assert (found["entries"], found["head"]) == (newest["items"][0]["seq"], newest["head"])
    nobody = (await http.post(f"/internal/v1/ledger/{OTHER}/verify", headers=auditor)).json()
    assert (nobody["ok"], nobody["entries"], nobody["head"]["hash"]) == (True, 0, "00" * 32)


async def test_a_ledger_is_nobody_elses(http: httpx2.AsyncClient) -> None:
    answer = await http.get(f"/internal/v1/ledger/{READER}")
    assert answer.json()["code"] in {"forbidden", "token_invalid"}
    mixed = await http.get("/story/v1/usage/ledger?cursor=AAAA")
    assert (mixed.status_code, mixed.json()["code"]) == (422, "cursor_invalid")


async def test_an_audit_names_the_meter_whose_window_was_changed(world: World) -> None:
    await world.ended(await world.ask())
    async with world.start_work() as work:
        entries, head = await work.usage.entries(READER), await work.usage.head(READER)
        balances = await work.usage.balances(READER)
    assert ledger.audit(entries, head, balances).is_sound
    changed = balances | {TOKENS: replace(balances[TOKENS], settled=balances[TOKENS].settled - 1)}
    assert ledger.audit(entries, head, changed).disagreeing == (TOKENS,)
    assert ledger.audit(entries[:-1], head, balances).first_bad == len(entries)
    assert ledger.audit(entries, ledger.Head(head.seq + 1, head.hash), balances).first_bad == len(entries) + 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.data())
def test_an_audit_names_the_first_entry_that_was_touched(amounts: list[int], data: st.DataObject) -> None:
    postings = [ledger.Posting(TOKENS, ledger.RESERVE, amount, amount, 0) for amount in amounts]
    entries, head = ledger.extend(ledger.Head(), READER, ReservationId(OTHER), postings, NOON)
    place = data.draw(st.integers(0, len(entries) - 1))
    touched = replace(entries[place], posting=replace(postings[place], amount=amounts[place] + 1))
    assert ledger.first_bad([*entries[:place], touched, *entries[place + 1 :]]) == place + 1
    assert ledger.audit(entries, head, {TOKENS: ledger.Balance(sum(amounts), 0, sum(amounts))}).is_sound


async def test_a_window_of_another_month_is_another_window(world: World) -> None:
    world.subscriptions.plan = replace(a_plan(), limits={**a_plan().limits, TOKENS: Limit(5000, "period")})
    world.writer.scripts = [in_pieces(STORY_TEXT)]
    await world.ended(await world.ask())
    now = (await quoted(world)).terms.meters[TOKENS].remaining_after
    world.clock.now = NOON.replace(month=12)
    later = (await quoted(world)).terms.meters[TOKENS].remaining_after
    assert now is not None
    assert later is not None
    assert later - now == 460
