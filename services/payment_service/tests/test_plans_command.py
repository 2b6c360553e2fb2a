"""The command that loads plans and prices: what it reads, what it refuses, what it says."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from payment_service import plans
from payment_service.domain.errors import PlansUnfit
from payment_service.domain.plan_changes import check_together
from payment_service.domain.plans import Plan
from payment_service.infrastructure.plan_files import presets, read_plans, read_prices
from payment_service.infrastructure.ssm_prices import price_map
from services.payment_service.tests.shipped import shipped_catalogue

GOOD = """
[[plan]]
code = "free"
name = "Free"
rank = 0
default = true

[plan.features]
"chat.access" = false
"chats.day" = { limit = 5, window = "day" }
priority = { config = 1 }
"""
PRICE = {"plan": "pro", "currency": "usd", "unit_amount": 999, "interval": "month"}


@pytest.fixture
def catalogue_url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


def features(found: list[Plan], code: str) -> dict[str, Any]:
    return next(plan for plan in found if plan.code == code).features()


def test_the_preset_that_ships_is_what_the_migration_wrote() -> None:
    assert read_plans("free_pro_max") == list(shipped_catalogue().plans.values())


@pytest.mark.parametrize("name", ["free_pro_max", "four_tiers", "freemium"])
def test_every_preset_makes_sense(name: str) -> None:
    assert name in presets()
    check_together(read_plans(name))


def test_the_other_catalogues_say_what_their_documents_say() -> None:
    freemium, tiers = read_plans("freemium"), read_plans("four_tiers")
    assert [plan.name for plan in tiers] == ["Free", "Silver", "Gold", "Platinum"]
    assert features(freemium, "free")["chats.day"] == {"kind": "limit", "limit": 5, "window": "day"}
    assert features(freemium, "free")["chat.access"]["value"]
    assert features(freemium, "pro") == shipped_catalogue().plans["pro"].features()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[[plan]]", "[[plan", "is not TOML"),
        ("[[plan]]", "[[plans]]", "has to hold [[plan]] tables"),
        ('code = "free"', 'code = "Free!"', "needs a code"),
        ('name = "Free"', "", "needs a name"),
        ("rank = 0", "rank = true", "needs a rank"),
        ("rank = 0", "rank = 0\ncolour = 1", "says colour, which means nothing"),
        ('"chat.access" = false', '"Chat" = false', "is no name of a feature"),
        ('"chat.access" = false', '"chat.access" = 1', "the plan free says of chat.access"),
        ("limit = 5", "limit = -5", "A limit is a number from 0 on"),
        ("limit = 5", "limit = true", "A limit is a number from 0 on"),
        ("limit = 5", "limit = 5, unlimited = true", "the plan free says of chats.day"),
        ('window = "day"', 'window = "week"', "the plan free says of chats.day"),
        ("config = 1", "config = 1.5", "the plan free says of priority"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(GOOD)
    assert len(read_plans(str(file))) == 1
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(PlansUnfit) as refused:
        read_plans(str(file))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        "pro",
        {**PRICE, "more": 1},
        {**PRICE, "currency": "USD"},
        {**PRICE, "unit_amount": 9.99},
        {**PRICE, "interval": "week"},
        {**PRICE, "plan": 7},
    ],
)
def test_a_price_that_says_too_little_or_too_much_is_refused(wrong: object) -> None:
    assert read_prices({"price_1": json.dumps(PRICE)})[0][0] == "pro"
    with pytest.raises(PlansUnfit, match="price_1"):
        read_prices({"price_1": json.dumps(wrong)})


def test_a_price_map_in_parameter_store_is_read_to_its_last_page() -> None:
    class Store:
        def get_parameters_by_path(self, **request: Any) -> dict[str, Any]:
            assert request["Path"] == "/truecrime/dev/billing/price_map"
            page = int(request.get("NextToken", "0"))
            name = f"{request['Path']}/price_{page}"
            return {"Parameters": [{"Name": name, "Value": f"{page}"}]} | ({"NextToken": "1"} if page == 0 else {})

    assert price_map(Store(), "/truecrime/dev/billing/price_map") == {"price_0": "0", "price_1": "1"}


def test_the_command_loads_once_and_says_what_changed(
    catalogue_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"price_gold": PRICE | {"plan": "gold"}}))
    load = ["load", "four_tiers", "--price-map", str(prices)]

    def said(*words: str) -> list[str]:
        assert plans.main(words) == 0
        return capsys.readouterr().out.splitlines()

    assert said("list") == ["four_tiers", "free_pro_max", "freemium"]
    assert said("load", "free_pro_max") == ["Nothing changed."]
    dry = said(*load, "--dry-run")
    assert {"silver: new, with 23 features", "max: retired"} <= set(dry)
    assert said(*load) == dry
    assert said(*load) == ["Nothing changed."]
    with psycopg.connect(catalogue_url) as connection:
        rows = connection.execute("SELECT code FROM payment.plans WHERE active ORDER BY rank").fetchall()
        sold = connection.execute("SELECT plan_code, unit_amount FROM payment.plan_prices").fetchall()
    assert ([code for (code,) in rows], sold) == (["free", "silver", "gold", "platinum"], [("gold", 999)])


@pytest.mark.usefixtures("catalogue_url")
@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ({"price_1": PRICE | {"plan": "gold"}}, "The price price_1 is for the plan gold, which is not sold."),
        ({"price_1": PRICE, "price_2": PRICE}, "The plan pro has two prices a month in usd."),
        ([], "has to be an object of price ids"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prices: object, sentence: str
) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(prices))
    assert plans.main(["load", "free_pro_max", "--price-map", str(file)]) == 2
    assert sentence in capsys.readouterr().err
    assert plans.main(["load", "no_such_preset"]) == 2
    assert "There is no preset and no file no_such_preset" in capsys.readouterr().err
