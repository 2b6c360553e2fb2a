"""Suspending and reinstating: the identity provider first, then the row, and everybody told of it once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from common_events.handlers import AfterCommit, Many
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import FixedClock
from services.user_service.tests.conftest import SignedIn
from services.user_service.tests.test_notices import envelope
from services.user_service.tests.worlds import NOON, MemoryDoors, World, a_profile
from user_service.application.change_status import ChangeStatus
from user_service.application.keep_suspensions import EndSuspensions, SuspendStruck
from user_service.application.ports import PendingSuspension, StartWork
from user_service.domain.errors import IdentityProviderUnavailable, UnknownUser, UntilInPast, UserLeaving
from user_service.domain.events import UserStatusChanged, UserUpdated
from user_service.domain.profile import Profile, Status, UserId
from user_service.infrastructure.heard_events import HeardEvents
from user_service.infrastructure.repositories import SqlUserWork

pytestmark = pytest.mark.anyio
MONTH = NOON + timedelta(days=30)


class House:
    """Statuses over one store, beside an identity provider."""

    def __init__(self, start_work: StartWork, world: World) -> None:
        self.start_work, self.world = start_work, world
        self.clock, self.doors = FixedClock(NOON), MemoryDoors(world)
        self.change = ChangeStatus(start_work, self.doors, self.clock, uuid7)
        self.strike = SuspendStruck(start_work, self.change, self.clock)
        self.end = EndSuspensions(start_work, self.change, self.clock)

    async def somebody(self, **values: Any) -> Profile:
        profile = a_profile(**{"username": f"name-{uuid4()}"} | values)
        async with self.start_work() as work:
            assert await work.profiles.add(profile)
            await work.commit()
        return profile

    async def of(self, profile: Profile) -> Profile:
        async with self.start_work() as work:
            found = await work.profiles.of(profile.id)
        assert found is not None
        return found

    async def ask(self, profile: Profile, until: datetime) -> None:
        async with self.start_work() as work:
            await work.suspensions.ask(PendingSuspension(profile.id, until), self.clock())
            await work.commit()


@pytest.fixture
def house(start_work: StartWork, world: World) -> House:
    return House(start_work, world)


async def test_who_is_suspended_is_shut_out_told_and_let_in_again(world: World) -> None:
    house = House(world.work, world)
    ann = await house.somebody()
    for _ in range(2):
        suspended = await house.change.suspend(ann.id, MONTH, "rude to others", "admin")
    assert (suspended.status, suspended.status_until, suspended.version) == (Status.SUSPENDED, MONTH, 2)
    assert house.doors.shut_out == {ann.username}
    assert world.content.events == [UserUpdated(suspended, ["status"]), UserStatusChanged(suspended, "admin")]
    assert [each.title for each in world.content.notifications] == ["Your account is suspended"]
    back = await house.change.reinstate(ann.id, "admin")
    assert await house.change.reinstate(ann.id, "admin") == back
    assert (back.status, back.status_until, back.status_reason, back.version) == (Status.ACTIVE, None, None, 3)
    assert house.doors.shut_out == set()
    assert len(world.content.events) == 4
    assert [queued.message.subject for queued in world.content.messages] == [
        "Your account is suspended",
        "Your account is open again",
    ]


async def test_a_change_that_stands_against_something_shuts_nobody_out(house: House) -> None:
    ann, leaving = await house.somebody(), await house.somebody(status=Status.ERASING)
    with pytest.raises(UntilInPast):
        await house.change.suspend(ann.id, NOON, "rude to others", "admin")
    with pytest.raises(UnknownUser):
        await house.change.suspend(UserId(uuid4()), None, "rude to others", "admin")
    with pytest.raises(UserLeaving):
        await house.change.suspend(leaving.id, None, "rude to others", "admin")
    with pytest.raises(UserLeaving):
        await house.change.reinstate(leaving.id, "admin")
    assert house.doors.shut_out == set()


async def test_while_the_identity_provider_is_away_nothing_changes(house: House) -> None:
    ann = await house.somebody()
    house.doors.faults = 1
    with pytest.raises(IdentityProviderUnavailable):
        await house.change.suspend(ann.id, None, "rude to others", "admin")
    assert await house.of(ann) == ann
    assert (await house.change.suspend(ann.id, None, "rude to others", "admin")).status is Status.SUSPENDED


async def test_time_ends_a_suspension(house: House) -> None:
    ann, bob = await house.somebody(), await house.somebody()
    await house.change.suspend(ann.id, MONTH, "rude to others", "admin")
    await house.change.suspend(bob.id, None, "rude to others", "admin")
    await house.end()
    assert (await house.of(ann)).status is Status.SUSPENDED
    house.clock.advance(days=30)
    house.doors.faults = 1
    await house.end()
    assert (await house.of(ann)).status is Status.SUSPENDED
    await house.end()
    assert [(await house.of(each)).status for each in (ann, bob)] == [Status.ACTIVE, Status.SUSPENDED]


async def test_strikes_suspend_as_soon_as_the_identity_provider_answers_and_shorten_nothing(house: House) -> None:
    ann, bob = await house.somebody(), await house.somebody()
    await house.change.suspend(bob.id, None, "rude to others", "admin")
    for each in (ann, bob):
        await house.ask(each, MONTH)
    await house.ask(ann, NOON + timedelta(days=1))
    house.doors.faults = 1
    while await house.strike():
        pass
    assert (await house.of(ann)).status is Status.ACTIVE
    house.clock.advance(seconds=31)
    while await house.strike():
        pass
    assert [(await house.of(each)).status_until for each in (ann, bob)] == [MONTH, None]
    house.clock.advance(days=1)
    assert not await house.strike()


@pytest.mark.parametrize("action", ["warn", "suspend"])
async def test_story_service_says_who_has_too_many_strikes(database: Database, world: World, action: str) -> None:
    house = House(lambda: SqlUserWork(database), world)
    ann = await house.somebody()
    handler = HeardEvents(house.clock, uuid7, never, timedelta(days=30)).handlers()["user.struck"]
    assert not isinstance(handler, AfterCommit | Many)
    for somebody in (ann.id, uuid4()):
        async with database.session() as session:
            struck = {"user_id": str(somebody), "strikes": 3, "action": action}
            await handler(session, envelope("user.struck", somebody, struck))
            await session.commit()
    while await house.strike():
        pass
    assert (await house.of(ann)).status_until == (MONTH if action == "suspend" else None)


async def never(_: str, __: datetime) -> None:
    raise AssertionError("no token is revoked")


@pytest.mark.parametrize("status", ["suspended", "active"])
async def test_the_tokens_of_a_suspended_person_are_revoked(status: str) -> None:
    revoked: list[tuple[str, datetime]] = []

    async def revoke(subject: str, at: datetime) -> None:
        revoked.append((subject, at))

    user_id = uuid4()
    handler = HeardEvents(FixedClock(NOON), uuid7, revoke, timedelta(days=30)).handlers()["user.status_changed"]
    assert isinstance(handler, AfterCommit)
    data: dict[str, object] = {
        "user_id": str(user_id),
        "status": status,
        "until": None,
        "reason": "admin",
        "version": 2,
    }
    await handler.effect(envelope("user.status_changed", user_id, data))
    assert revoked == ([(str(user_id), NOON)] if status == "suspended" else [])


async def test_an_admin_changes_a_status_and_nobody_else(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    ann = SignedIn(issuer, uuid4(), "ann@truecrime.test")
    await http.post("/user/v1/me", headers=ann.headers, json=ann.proof)
    path, body = f"/internal/v1/users/{ann.user_id}/status", {"status": "suspended", "reason": "rude to others"}
    service = {"Authorization": f"Bearer {issuer.service('user/admin')}"}
    admin = service | {"X-Actor-Token": issuer.reader(groups=["admin"])}
    support = service | {"X-Actor-Token": issuer.reader(groups=["support"])}
    reading = admin | {"Authorization": f"Bearer {issuer.service('user/read')}"}
    for headers, status in ((service, 401), (support, 403), (reading, 403)):
        assert (await http.put(path, headers=headers, json=body)).status_code == status
    answer = await http.put(path, headers=admin, json=body | {"until": "2026-12-21T12:00:00+01:00"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "id": str(ann.user_id),
            "status": "suspended",
            "until": "2026-12-21T11:00:00Z",
            "reason": "rude to others",
            "version": 2,
        },
    )
    active = {"status": "active", "reason": "they said sorry"}
    assert (await http.put(path, headers=admin, json=active)).json()["status"] == "active"
    past = await http.put(path, headers=admin, json=body | {"until": "2026-11-21T12:00:00Z"})
    assert (past.status_code, past.json()["code"]) == (422, "until_in_past")
    late, erased = active | {"until": "2027-01-01T00:00:00Z"}, {"status": "erased", "reason": "because"}
    for wrong in (late, erased, {"status": "active"}):
        assert (await http.put(path, headers=admin, json=wrong)).status_code == 422
    herself = service | {"X-Actor-Token": issuer.reader(ann.user_id, groups=["admin"])}
    own = await http.put(path, headers=herself, json=body)
    assert (own.status_code, own.json()["code"]) == (409, "own_account")
    assert (await http.put(path, headers=herself, json=active)).status_code == 200
    stranger = await http.put(f"/internal/v1/users/{uuid4()}/status", headers=admin, json=body)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
