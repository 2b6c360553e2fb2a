"""`python -m payment_service.reconcile` as somebody types it, against the Stripe stand-in."""

import os
import subprocess
import sys
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
from sandbox.servers.ports import free_port
from sandbox.stripe.testing import API_KEY, running_stripe
from services.payment_service.tests.harness import somebody
from services.payment_service.tests.lifecycle import VISA, Liver

pytestmark = pytest.mark.anyio


def command(database_url: str, stripe_url: str, *words: str) -> subprocess.CompletedProcess[str]:
    settings = NOWHERE | {"database_url": database_url, "stripe_api_key": API_KEY, "stripe_api_base": stripe_url}
    environment = {name.upper(): str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "payment_service.reconcile", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_what_was_never_told_is_healed_by_hand(database: Database, database_url: str, tmp_path: Path) -> None:
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
        first, again = (command(database_url, stand.url) for _ in range(2))
        one = command(database_url, stand.url, "--user", str(user_id))
    assert (first.returncode, first.stderr[-200:]) == (0, first.stderr[-200:])
    assert "1 customers differed, 1 healed" in first.stdout
    assert f"{user_id}  subscription:" in first.stdout
    assert "0 customers differed" in again.stdout
    assert "1 compared, 0 customers differed" in one.stdout
    version = await ReadAccess(start_work, utc_now, 30)(user_id)
    assert (version.access.plan_code, version.cause.type) == ("pro", "reconcile")


async def test_without_stripe_it_says_so(database_url: str) -> None:
    done = command(database_url, f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 2
    assert "Nothing is lost" in done.stderr
    assert "Traceback" not in done.stderr
