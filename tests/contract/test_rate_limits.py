"""What the limits of the services are: every rule guards a route, every such route says so, and Redis may be away."""

import importlib
import json
from typing import Any

import httpx2
import pytest

from common_service.testing import NOWHERE
from tools.openapi import SERVICES, contract_of

_OF_ONE = {"payment": {"stripe_api_key": "none"}, "story": {"openai_api_key": "none"}}
_HEADERS = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy"}
LIMITED = [service for service in SERVICES if service != "admin"]


def settings_of(service: str, **others: Any) -> Any:
    kind = importlib.import_module(f"{service}_service.settings").Settings
    return kind(**NOWHERE | _OF_ONE.get(service, {}) | others)


@pytest.mark.parametrize("service", SERVICES)
def test_every_rule_guards_a_route_and_every_guarded_route_says_so(service: str) -> None:
    said = set()
    for operations in contract_of(service)["paths"].values():
        for operation in operations.values():
            refusal = operation["responses"].get("429", {})
            if "rate_limited" in refusal.get("description", ""):
                said.add(f"{service}.{operation['operationId']}")
                assert refusal["headers"].keys() == _HEADERS | {"Retry-After"}
                successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
                assert all(answer["headers"].keys() >= _HEADERS for answer in successes)
    assert said == {rule.removesuffix("_address") for rule in settings_of(service).rates}


@pytest.mark.parametrize("service", LIMITED)
def test_every_rate_can_be_set(service: str) -> None:
    rules = settings_of(service).rates
    set_all = settings_of(service, rate_limits=dict.fromkeys(rules, "3/hour")).rates
    assert {(rate.amount, rate.get_expiry()) for rate in set_all.values()} == {(3, 3600)}


@pytest.mark.anyio
async def test_a_service_without_redis_limits_all_the_same_and_tells_its_metrics() -> None:
    settings = settings_of("payment", rate_limits={"payment.list_plans_address": "2/minute"})
    app = importlib.import_module("payment_service.main").create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://payment") as http,
    ):
        answers = [await http.get("/payment/v1/plans") for _ in range(3)]
        metrics = (await http.get("/metrics")).text
    assert [answer.status_code for answer in answers] == [503, 503, 429]  # nor is there a database
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    refusal = json.loads(answers[-1].content)
    assert (refusal["code"], answers[-1].headers["retry-after"]) == ("rate_limited", "60")
    assert "rate_limit_local 1.0" in metrics
    assert "rate_limit_local_decisions_total 3.0" in metrics


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
