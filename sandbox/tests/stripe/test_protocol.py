"""The wire protocol as stripe-python meets it: keys, versions, errors, idempotency, lists, expansion."""

import base64
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe.testing import API_KEY, BROWSER, Stand

BEARER = {"Authorization": f"Bearer {API_KEY}"}


def customers(client: stripe.StripeClient, count: int) -> list[str]:
    """Ids, newest first, as lists have them."""
    return [client.v1.customers.create({"name": f"Reader {n}"}).id for n in range(count)][::-1]


def test_a_wrong_key_is_an_authentication_error(shared: Stand) -> None:
    stranger = stripe.StripeClient("sk_test_somebody_else_1234", base_addresses={"api": shared.url})
    with pytest.raises(stripe.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*+1234"):
        stranger.v1.customers.list()


@pytest.mark.parametrize("header", ["", "Bearer", "Basic ???", "Digest x"])
def test_no_key_is_refused(shared: Stand, header: str) -> None:
    answer = BROWSER.get(f"{shared.url}/v1/customers", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "did not provide an API key" in answer.json()["error"]["message"]


def test_a_key_as_user_name_is_taken(shared: Stand) -> None:
    credentials = base64.b64encode(f"{API_KEY}:".encode()).decode()
    answer = BROWSER.get(f"{shared.url}/v1/customers", headers={"Authorization": f"Basic {credentials}"})
    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == stripe.api_version


def test_another_api_version_is_refused(shared: Stand) -> None:
    answer = BROWSER.get(f"{shared.url}/v1/customers", headers={**BEARER, "Stripe-Version": "2019-01-01"})
    assert answer.status_code == 400
    assert "2019-01-01" in answer.json()["error"]["message"]


def test_an_address_that_is_not_the_apis_is_named(shared: Stand) -> None:
    answer = BROWSER.post(f"{shared.url}/v1/charms", headers=BEARER)
    assert answer.status_code == 404
    assert "Unrecognized request URL (POST: /v1/charms)" in answer.json()["error"]["message"]


def test_json_is_not_the_apis_language(shared: Stand) -> None:
    answer = BROWSER.post(f"{shared.url}/v1/customers", headers=BEARER, json={"email": "a@case.test"})
    assert answer.status_code == 400
    assert "application/x-www-form-urlencoded" in answer.json()["error"]["message"]


def test_an_unknown_parameter_is_refused(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.customers.create(cast("Any", {"mail": "a@case.test"}))
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "mail")


def test_a_missing_object_is_404_in_the_path_and_400_in_a_parameter(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as in_path:
        api.v1.subscriptions.retrieve("sub_nobody")
    with pytest.raises(stripe.InvalidRequestError) as in_parameter:
        api.v1.billing_portal.sessions.create({"customer": "cus_nobody"})
    assert (in_path.value.http_status, in_path.value.code) == (404, "resource_missing")
    assert (in_parameter.value.http_status, in_parameter.value.param) == (400, "customer")


class TestIdempotency:
    def test_the_same_request_again_gets_the_first_answer(self, client: stripe.StripeClient) -> None:
        options: stripe.RequestOptions = {"idempotency_key": "make-one"}
        first = client.v1.customers.create({"email": "one@case.test"}, options)
        again = client.v1.customers.create({"email": "one@case.test"}, options)
        assert again.id == first.id
        assert first.last_response is not None
        assert again.last_response is not None
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert again.last_response.headers["original-request"] == first.last_response.request_id
        assert len(client.v1.customers.list().data) == 1

    def test_other_parameters_under_the_same_key_are_refused(self, client: stripe.StripeClient) -> None:
        client.v1.customers.create({"email": "one@case.test"}, {"idempotency_key": "make-one"})
        with pytest.raises(stripe.IdempotencyError, match="same parameters"):
            client.v1.customers.create({"email": "two@case.test"}, {"idempotency_key": "make-one"})
        with pytest.raises(stripe.IdempotencyError):
            client.v1.products.create({"name": "one"}, {"idempotency_key": "make-one"})

    def test_failed_validation_leaves_the_key_free(self, api: stripe.StripeClient) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.customers.create({"email": "no-address"}, {"idempotency_key": "try"})
        assert api.v1.customers.create({"email": "an@address.test"}, {"idempotency_key": "try"}).id

    def test_a_refusal_of_the_operation_is_kept(self, shared: Stand) -> None:
        headers = {**BEARER, "Idempotency-Key": "portal"}
        answers = [
            BROWSER.post(f"{shared.url}/v1/billing_portal/sessions", headers=headers, data={"customer": "cus_nobody"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert answers[1].headers["idempotent-replayed"] == "true"
        assert answers[0].json() == answers[1].json()


class TestLists:
    def test_pages_follow_one_another(self, client: stripe.StripeClient) -> None:
        expected = customers(client, 7)
        first = client.v1.customers.list({"limit": 3})
        second = client.v1.customers.list({"limit": 3, "starting_after": first.data[-1].id})
        third = client.v1.customers.list({"limit": 3, "starting_after": second.data[-1].id})
        assert [page.has_more for page in (first, second, third)] == [True, True, False]
        assert [customer.id for page in (first, second, third) for customer in page.data] == expected
        assert [customer.id for customer in first.auto_paging_iter()] == expected

    def test_pages_go_back(self, client: stripe.StripeClient) -> None:
        expected = customers(client, 5)
        page = client.v1.customers.list({"limit": 2, "ending_before": expected[4]})
        assert [customer.id for customer in page.data] == expected[2:4]
        assert page.has_more

    def test_a_range_of_creation_times_is_kept_to(self, api: stripe.StripeClient, shared: Stand) -> None:
        customers(api, 1)
        shared.advance(100)
        later = api.v1.customers.create({})
        found = api.v1.customers.list({"created": {"gt": later.created - 50}})
        assert [customer.id for customer in found.data] == [later.id]

    @pytest.mark.parametrize(
        ("asked", "param"),
        [("limit=0", "limit"), ("limit=101", "limit"), ("starting_after=cus_nobody", "starting_after")],
    )
    def test_a_wrong_cursor_or_limit_is_refused(self, shared: Stand, asked: str, param: str) -> None:
        answer = BROWSER.get(f"{shared.url}/v1/customers?{asked}", headers=BEARER)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)

    def test_prices_are_found_by_lookup_key(self, api: stripe.StripeClient) -> None:
        found = api.v1.prices.list({"lookup_keys": ["pro_month", "max_month"], "expand": ["data.product"]})
        products = [price.product for price in found.data]
        assert all(isinstance(product, stripe.Product) for product in products)
        names = [product.name for product in products if isinstance(product, stripe.Product)]
        seeded = {(price.lookup_key, price.unit_amount, name) for price, name in zip(found.data, names, strict=True)}
        assert seeded == {("pro_month", 999, "TrueCrime Pro"), ("max_month", 1999, "TrueCrime Max")}


def test_what_cannot_be_expanded_is_refused(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.v1.prices.retrieve("price_TrueCrimeProMonth", {"expand": ["currency"]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        api.v1.prices.retrieve("price_TrueCrimeProMonth", {"expand": ["a.b.c.d.e"]})


def test_a_customer_is_changed_and_deleted(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "old@case.test", "metadata": {"user_id": "u1", "from": "web"}})
    changed = client.v1.customers.update(made.id, {"email": "new@case.test", "metadata": {"from": ""}})
    assert changed.metadata is not None
    assert (changed.email, changed.metadata["user_id"]) == ("new@case.test", "u1")
    event = client.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.previous_attributes is not None
    previous = event.data.previous_attributes.to_dict()
    assert previous == {"email": "old@case.test", "metadata": {"from": "web"}}
    assert client.v1.customers.delete(made.id).deleted
    assert client.v1.customers.retrieve(made.id).deleted
    assert client.v1.customers.list().data == []
