"""`python -m payment_service.reconcile` as somebody types it, against the Stripe stand-in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import NOWHERE
from payment_service.application.load_prices import LoadPrices
from payment_service.application.ports import Customer
from payment_service.application.read_access import ReadAccess
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.work import SqlPaymentWork
from payment_service.reconcile import main
from sandbox.servers.ports import free_port
from sandbox.stripe.testing import API_KEY, running_stripe
from services.payment_service.tests.harness import somebody
from services.payment_service.tests.lifecycle import VISA, Liver

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Said]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str) -> Command:
    """Return what does the command as a process would: with its words, its environment and a loop of its own."""

    async def run(stripe_url: str, *words: str) -> Said:
        settings = NOWHERE | {"database_url": database_url, "stripe_api_key": API_KEY, "stripe_api_base": stripe_url}
        for name, value in settings.items():
            monkeypatch.setenv(name.upper(), str(value))
        capsys.readouterr()
        code = await asyncio.to_thread(main, words)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


async def test_what_was_never_told_is_healed_by_hand(database: Database, command: Command, tmp_path: Path) -> None:
    def start_work() -> SqlPaymentWork:
        return SqlPaymentWork(database)

    user_id = somebody()
    with running_stripe(tmp_path) as stand:
        gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
        assert await LoadPrices(start_work, gateway, uuid7)() == []
        customer_id = await gateway.create_customer(user_id)
        async with start_work() as work:
            await work.customers.add_first(Customer(user_id, customer_id, utc_now()))
            await work.commit()
        liver = Liver(stand, gateway, customer_id)
        liver.card(VISA)
        liver.subscribe("pro_month")
        gateway.close()
        first, again = [await command(stand.url) for _ in range(2)]
        one = await command(stand.url, "--user", str(user_id))
    assert (first.code, first.err[-200:]) == (0, first.err[-200:])
    assert "1 customers differed, 1 healed" in first.out
    assert f"{user_id}  subscription:" in first.out
    assert "0 customers differed" in again.out
    assert "1 compared, 0 customers differed" in one.out
    version = await ReadAccess(start_work, utc_now, 30)(user_id)
    assert (version.access.plan_code, version.cause.type) == ("pro", "reconcile")


async def test_without_stripe_it_says_so(command: Command) -> None:
    done = await command(f"http://127.0.0.1:{free_port()}")
    assert done.code == 2
    assert "Nothing is lost" in done.err
    assert "Traceback" not in done.err
