"""Money that goes back: asked for by us, or taken by a bank."""

from collections.abc import Callable

import pytest
import stripe

from sandbox.stripe.testing import Stand, until

Subscribe = Callable[..., stripe.Subscription]


@pytest.fixture
def charge(api: stripe.StripeClient, subscribe: Subscribe) -> stripe.Charge:
    customer = str(subscribe().customer)
    return api.v1.charges.list({"customer": customer}).data[0]


def types_about(api: stripe.StripeClient, object_id: str) -> list[str]:
    """Types of the events about an object, in the order they happened."""
    found = api.v1.events.list({"limit": 100}).data
    return [str(event.type) for event in found if event.data.object["id"] == object_id][::-1]


def test_a_charge_is_given_back_in_parts(api: stripe.StripeClient, charge: stripe.Charge) -> None:
    first = api.v1.refunds.create({"charge": charge.id, "amount": 300, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.charge, first.payment_intent) == (
        "succeeded",
        300,
        charge.id,
        charge.payment_intent,
    )
    part = api.v1.charges.retrieve(charge.id)
    assert (part.amount_refunded, part.refunded) == (300, False)
    rest = api.v1.refunds.create({"payment_intent": str(charge.payment_intent)})
    assert rest.amount == charge.amount - 300
    whole = api.v1.charges.retrieve(charge.id)
    assert (whole.amount_refunded, whole.refunded) == (charge.amount, True)
    assert [refund.id for refund in api.v1.refunds.list({"charge": charge.id}).data] == [rest.id, first.id]
    assert api.v1.refunds.retrieve(first.id).id == first.id
    assert types_about(api, charge.id).count("charge.refunded") == 2
    assert types_about(api, first.id) == ["refund.created"]


def test_no_more_is_given_back_than_was_paid(api: stripe.StripeClient, charge: stripe.Charge) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.v1.refunds.create({"charge": charge.id, "amount": charge.amount + 1})
    api.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    with pytest.raises(stripe.InvalidRequestError) as nothing_named:
        api.v1.refunds.create({})
    assert nothing_named.value.code == "parameter_missing"


def test_a_refund_repeated_under_its_key_happens_once(api: stripe.StripeClient, charge: stripe.Charge) -> None:
    made = {
        api.v1.refunds.create({"charge": charge.id, "amount": 100}, {"idempotency_key": charge.id}).id for _ in "ab"
    }
    assert len(made) == 1
    assert api.v1.charges.retrieve(charge.id).amount_refunded == 100


def test_refunds_are_listed_by_pages(api: stripe.StripeClient, charge: stripe.Charge) -> None:
    made = [api.v1.refunds.create({"charge": charge.id, "amount": 10}).id for _ in range(7)][::-1]
    first = api.v1.refunds.list({"charge": charge.id, "limit": 3, "expand": ["data.charge"]})
    assert (first.has_more, len(first.data), isinstance(first.data[0].charge, stripe.Charge)) == (True, 3, True)
    assert [refund.id for refund in first.auto_paging_iter()] == made


@pytest.mark.parametrize(("outcome", "told"), [("won", ["charge.dispute.funds_reinstated"]), ("lost", [])])
def test_a_bank_opens_a_dispute_and_decides_it(
    shared: Stand, api: stripe.StripeClient, charge: stripe.Charge, outcome: str, told: list[str]
) -> None:
    opened = shared.post("/_sandbox/disputes", {"charge": charge.id, "reason": "product_not_received"})
    assert opened.status_code == 201
    [dispute] = api.v1.disputes.list({"charge": charge.id}).data
    assert (dispute.id, dispute.status, dispute.reason) == (
        opened.json()["id"],
        "needs_response",
        "product_not_received",
    )
    assert [moved.amount for moved in dispute.balance_transactions] == [-charge.amount]
    assert api.v1.charges.retrieve(charge.id).disputed
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        api.v1.refunds.create({"charge": charge.id})
    assert shared.post(f"/_sandbox/disputes/{dispute.id}/close", {"outcome": outcome}).status_code == 200
    assert api.v1.disputes.retrieve(dispute.id).status == outcome
    expected = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed", *told]
    assert types_about(api, dispute.id) == expected
    assert shared.post(f"/_sandbox/disputes/{dispute.id}/close", {"outcome": outcome}).status_code == 400


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_a_dispute(
    shared: Stand, api: stripe.StripeClient, charge: stripe.Charge, evidence: str, status: str
) -> None:
    dispute = shared.post("/_sandbox/disputes", {"customer": charge.customer}).json()["id"]
    decided = api.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": evidence}})
    assert (decided.status, decided.evidence_details.submission_count) == (status, 1)


def test_a_dispute_can_be_given_up(shared: Stand, api: stripe.StripeClient, charge: stripe.Charge) -> None:
    dispute = shared.post("/_sandbox/disputes", {"payment_intent": charge.payment_intent}).json()["id"]
    assert api.v1.disputes.close(dispute).status == "lost"


def test_a_card_of_a_thief_is_disputed_by_itself(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    customer = str(subscribe("pm_card_createDispute").customer)
    [charge] = api.v1.charges.list({"customer": customer}).data
    until(lambda: bool(api.v1.disputes.list({"charge": charge.id}).data))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_sandbox/disputes", {}, 400),
        ("/_sandbox/disputes", {"charge": "ch_nothing"}, 400),
        ("/_sandbox/disputes", {"customer": "cus_nobody"}, 400),
        ("/_sandbox/disputes", [], 400),
        ("/_sandbox/disputes/du_nothing/close", {"outcome": "won"}, 404),
        ("/_sandbox/disputes/du_nothing/close", {"outcome": "drawn"}, 400),
    ],
)
def test_a_control_request_that_makes_no_sense_is_refused(shared: Stand, path: str, body: object, status: int) -> None:
    assert shared.post(path, body).status_code == status
