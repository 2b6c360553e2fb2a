"""The Stripe stand-in as one application: the API, the hosted pages, webhook delivery and the passing of time."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette

from sandbox.servers.errors import CannotStart
from sandbox.stripe.account import Account, DeliveryPlan, at_once, told_to_nobody
from sandbox.stripe.api import Api
from sandbox.stripe.authentication import Authentication
from sandbox.stripe.billing.due import run_due
from sandbox.stripe.checkout import Checkout
from sandbox.stripe.clock import Clock
from sandbox.stripe.control import Control
from sandbox.stripe.dashboard import Dashboard
from sandbox.stripe.hosted_invoice import HostedInvoice
from sandbox.stripe.operations.catalogue import seed
from sandbox.stripe.portal import Portal
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Deliverer, Endpoint, webhook_client

_TICK_S = 1.0
logger = logging.getLogger(__name__)


def create_app(
    *,
    directory: Path,
    public_url: str,
    webhook_url: str,
    webhook_secret: str,
    api_key: str,
    plan: DeliveryPlan = at_once,
) -> Starlette:
    """`directory` holds the account between runs; `public_url` is where browsers reach the pages."""
    store = _open(directory)
    account = Account(store, Clock(store), public_url=public_url, plan=plan if webhook_url else told_to_nobody)
    seed(account)
    deliverer = Deliverer(account, Endpoint(webhook_url, webhook_secret), webhook_client)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(_kept_running(deliverer.run)),
            asyncio.create_task(_kept_running(lambda: _tick(account, deliverer))),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            store.close()

    routes = [
        *Api(account, api_key, deliverer.wake).routes(),
        *Checkout(account, deliverer.wake).routes(),
        *Authentication(account, deliverer.wake).routes(),
        *HostedInvoice(account, deliverer.wake).routes(),
        *Portal(account, deliverer.wake).routes(),
        *Control(account, deliverer).routes(),
        *Dashboard(account, deliverer, webhook_url).routes(),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _open(directory: Path) -> Store:
    try:
        return Store(directory)
    except sqlite3.Error as error:
        raise CannotStart(f"the Stripe stand-in cannot keep its state in {directory}: {error}.") from error


async def _kept_running(work: Callable[[], Awaitable[None]]) -> None:
    """A full disk or a locked file passes; the task goes on after it."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("a task of the Stripe stand-in failed and starts again")
        await asyncio.sleep(_TICK_S)


async def _tick(account: Account, deliverer: Deliverer) -> None:
    """Time passes also without anybody advancing it."""
    while True:
        if run_due(account, account.now()):
            deliverer.wake()
        await asyncio.sleep(_TICK_S)
