"""A worker that only syncs customers, in a process of its own so that it can be killed."""

import asyncio
import os
from datetime import timedelta

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from payment_service.application.sync_customer import SyncCustomer
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from payment_service.infrastructure.work import SqlPaymentWork
from sandbox.stripe.testing import API_KEY

LEASE = timedelta(seconds=2)


async def work(database_url: str, stripe_url: str) -> None:
    database = Database(database_url)
    gateway = StripeGateway(API_KEY, api_base=stripe_url, web_origin="http://web.test")
    sync = SyncCustomer(lambda: SqlPaymentWork(database), gateway, utc_now, uuid7, timedelta(days=7), 30, lease=LEASE)
    await SyncDispatcher(sync, DueSyncs(database_url), at_once=4).run(asyncio.Event())


def main(database_url: str, stripe_url: str) -> None:
    """Work without a word until somebody kills this process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    asyncio.run(work(database_url, stripe_url))
