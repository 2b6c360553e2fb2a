"""What a developer can do with the account by hand."""

from collections.abc import Callable

import pytest
import stripe

from sandbox.stripe.testing import BROWSER, Stand

Subscribe = Callable[..., stripe.Subscription]


def test_money_goes_back_at_a_click(api: stripe.StripeClient, shared: Stand, subscribe: Subscribe) -> None:
    charges = [
        api.v1.charges.list({"customer": str(subscribe().customer)}).data[0].id for _ in ("refund", "win", "lose")
    ]
    assert BROWSER.post(f"{shared.url}/charges/{charges[0]}/refund").status_code == 303
    assert api.v1.charges.retrieve(charges[0]).refunded
    for charge, outcome in ((charges[1], "won"), (charges[2], "lost")):
        BROWSER.post(f"{shared.url}/charges/{charge}/dispute")
        assert "We win" in BROWSER.get(shared.url).text
        [dispute] = api.v1.disputes.list({"charge": charge}).data
        assert BROWSER.post(f"{shared.url}/disputes/{dispute.id}/{outcome}").status_code == 303
        assert api.v1.disputes.retrieve(dispute.id).status == outcome
    # What cannot be done again is left as it is.
    for path in (f"charges/{charges[0]}/refund", f"charges/{charges[1]}/dispute", "disputes/du_nothing/won"):
        assert BROWSER.post(f"{shared.url}/{path}").status_code == 303
    assert len(api.v1.refunds.list({"charge": charges[0]}).data) == 1


def test_deliveries_are_made_bad_at_a_click(shared: Stand) -> None:
    form = {"duplicate": "20", "drop": "5", "wrong_signature": "0", "shuffle_s": "2", "delay_s": "", "seed": "4"}
    assert BROWSER.post(f"{shared.url}/delivery", data={**form, "hold": "yes"}).status_code == 303
    modes = shared.get("/_sandbox/delivery")
    assert (modes["duplicate"], modes["drop"], modes["shuffle_s"], modes["seed"], modes["hold"]) == (
        0.2,
        0.05,
        2.0,
        4,
        True,
    )
    assert "all, until released" in BROWSER.get(shared.url).text
    BROWSER.post(f"{shared.url}/delivery", data={**form, "drop": "500"})
    assert shared.get("/_sandbox/delivery") == modes
    assert BROWSER.post(f"{shared.url}/delivery/release", data={"order": "shuffled"}).status_code == 303
    BROWSER.post(f"{shared.url}/delivery", data={})
    assert shared.get("/_sandbox/delivery")["hold"] is False


@pytest.mark.parametrize(("wanted", "kept"), [("unpaid", "unpaid"), ("forgotten", "cancel")])
def test_the_policy_is_chosen_at_a_click(shared: Stand, wanted: str, kept: str) -> None:
    shared.post("/_sandbox/billing", {"after_last_retry": "cancel"}).raise_for_status()
    assert BROWSER.post(f"{shared.url}/billing", data={"after_last_retry": wanted}).status_code == 303
    assert shared.get("/_sandbox/billing")["after_last_retry"] == kept


def test_all_states_of_a_subscription_are_shown(shared: Stand, subscribe: Subscribe) -> None:
    subscribe("pm_card_chargeCustomerFail")
    subscribe(trial_period_days=3)
    page = BROWSER.get(shared.url).text
    for shown in ("waits for its first payment", "free until", "trialing"):
        assert shown in page
