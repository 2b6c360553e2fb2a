"""What an admin gives back: an entry of its own, once, never more than was charged, and the chain holds."""

from typing import Any

import httpx2
import pytest

from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.database import Database
from common_service.testing import ready
from services.story_service.tests.case_worlds import CountedCaseWork, refused
from services.story_service.tests.worlds import OTHER, READER, CountedWork, World
from story_service.api.adjusting.routes import adjustment_routes
from story_service.api.problems import FACES
from story_service.application.adjusting.adjust_usage import AdjustUsage
from story_service.domain.usage import STORIES, TOKENS

pytestmark = pytest.mark.anyio
WISH = {"meter": TOKENS, "amount": 60, "reason": "The end of the story was missing."}


async def test_what_was_charged_is_given_back_once_and_the_ledger_says_why(
    database: Database, issuer: TestIssuer
) -> None:
    world = World(lambda: CountedWork(database))
    await world.ended(await world.ask())
    adjust = AdjustUsage(lambda: CountedCaseWork(database), world.subscriptions, world.clock)
    routes = adjustment_routes(adjust, issuer.callers({"admin": frozenset({"billing.write"})}))
    app = create_service_app(title="books", prefix="/story", routers=[routes], problems=FACES, ready=ready)
    acting = issuer.reader(OTHER, groups=["admin"])
    own = {"Authorization": f"Bearer {issuer.service('story/admin')}", "X-Actor-Token": acting}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story", headers=own) as http:

        async def adjusted(key: str, **changes: Any) -> httpx2.Response:
            path = f"/internal/v1/ledger/{READER}/adjustments"
            return await http.post(path, json={**WISH, **changes}, headers={"Idempotency-Key": key})

        made, again = await adjusted("one"), await adjusted("one")
        assert (made.status_code, again.status_code, again.headers["idempotent-replayed"]) == (201, 201, "true")
        assert made.content == again.content
        entry = made.json()
        assert (entry["kind"], entry["amount"], entry["settled_after"]) == ("adjust", 60, 400)
        assert (entry["ref"], entry["reservation_id"]) == (WISH["reason"], None)
        assert refused(await adjusted("one", amount=1)) == (422, "idempotency_key_reused")
        assert refused(await adjusted("two", amount=401)) == (422, "more_than_settled")
        assert refused(await adjusted("three", meter="stories.retained")) == (422, "meter_unknown")
        assert refused(await adjusted("four", reason="no")) == (422, "validation_failed")
        assert (await adjusted("five", meter=STORIES, amount=1)).status_code == 201
        own["X-Actor-Token"] = issuer.reader(OTHER)
        assert (await http.post(f"/internal/v1/ledger/{READER}/adjustments", json=WISH, headers=own)).status_code == 403
    audit = await world.use.ledger.verify(READER)
    assert (audit.is_sound, audit.first_bad, audit.disagreeing) == (True, None, ())
    used = {one.meter: one.now.settled for one in (await world.use.usage(READER)).meters}
    assert (used[TOKENS], used[STORIES]) == (400, 0)
