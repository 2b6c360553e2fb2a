"""Loads plans and prices, and says what changed: harmless to repeat, and refuses nonsense in a sentence.

    python -m payment_service.plans list
    python -m payment_service.plans load free_pro_max [--dry-run]
    python -m payment_service.plans load plans.toml --price-map prices.json
    python -m payment_service.plans load four_tiers --price-map ssm:/truecrime/prod/billing/price_map

Only DATABASE_URL is needed; for `ssm:` also AWS_REGION and credentials where boto3 finds them.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from payment_service.application.access_ports import PriceReading
from payment_service.application.change_plans import LoadPlans, LoadPriceMap
from payment_service.domain.errors import PlansUnfit
from payment_service.domain.plans import Plan
from payment_service.infrastructure.plan_files import presets, price_map_file, read_plans, read_prices
from payment_service.infrastructure.ssm_prices import price_map, ssm_client
from payment_service.infrastructure.work import SqlPaymentWork

_SSM = "ssm:"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 0, or 2 for what was refused."""
    parser = argparse.ArgumentParser(prog="python -m payment_service.plans", description="Loads plans and prices.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the presets")
    load = commands.add_parser("load", help="sell these plans and no others")
    load.add_argument("source", help="a preset, or a TOML file")
    load.add_argument("--price-map", help="a JSON file, or ssm:/path")
    load.add_argument("--dry-run", action="store_true", help="only say what would change")
    asked = parser.parse_args(arguments)
    if asked.command == "list":
        sys.stdout.write("".join(f"{name}\n" for name in presets()))
        return 0
    try:
        plans = read_plans(asked.source)
        prices = read_prices(_price_map(asked.price_map)) if asked.price_map else []
        news = asyncio.run(_load(plans, prices, is_dry=asked.dry_run))
    except PlansUnfit as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in news or ["Nothing changed."]))
    return 0


async def _load(plans: Sequence[Plan], prices: Sequence[tuple[str, PriceReading]], *, is_dry: bool) -> list[str]:
    database = Database(os.environ["DATABASE_URL"], pool_size=1)
    try:
        news = await LoadPlans(lambda: SqlPaymentWork(database), utc_now)(plans, is_dry=is_dry)
        codes = {plan.code for plan in plans}
        return news + await LoadPriceMap(lambda: SqlPaymentWork(database), uuid7)(prices, codes, is_dry=is_dry)
    finally:
        await database.close()


def _price_map(source: str) -> dict[str, str]:
    if not source.startswith(_SSM):
        return price_map_file(source)
    return price_map(ssm_client(os.environ.get("AWS_REGION", "eu-west-2")), source.removeprefix(_SSM))


if __name__ == "__main__":
    sys.exit(main())
