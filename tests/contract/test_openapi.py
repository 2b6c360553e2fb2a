"""The frozen contracts are what the code serves: a change of one is a change of the other, in one commit."""

import pytest

from tools.openapi import CONTRACTS, SERVICES, contract_of, written


@pytest.mark.parametrize("service", SERVICES)
def test_the_contract_is_what_the_code_serves(service: str) -> None:
    frozen = (CONTRACTS / f"{service}.json").read_text(encoding="utf-8")
    assert frozen == written(contract_of(service)), "run `make openapi` and commit the contract with the change"


@pytest.mark.parametrize("service", SERVICES)
def test_every_public_operation_says_how_it_refuses(service: str) -> None:
    for path, operations in contract_of(service)["paths"].items():
        for method, operation in operations.items():
            assert "operationId" in operation, (method, path)
            assert {"400", "422", "503"} <= operation["responses"].keys(), (method, path)


@pytest.mark.parametrize("service", ["user", "admin"])
def test_every_operation_asks_for_a_token_and_says_how_it_refuses_others(service: str) -> None:
    for path, operations in contract_of(service)["paths"].items():
        for method, operation in operations.items():
            assert operation["security"], (method, path)
            assert "401" in operation["responses"], (method, path)
