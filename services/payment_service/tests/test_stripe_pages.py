"""Which addresses are handed to people as pages of Stripe's."""

import pytest

from payment_service.infrastructure.stripe_pages import StripePages


@pytest.mark.parametrize(
    ("url", "is_stripes"),
    [
        ("https://invoice.stripe.com/i/acct_1/test", True),
        ("https://pay.stripe.com/invoice/acct_1/pdf", True),
        ("https://stripe.com/x", True),
        ("https://checkout.stripe.com:443/c", True),
        ("http://invoice.stripe.com/i", False),
        ("https://invoice.stripe.com.evil.test/i", False),
        ("https://evilstripe.com/i", False),
        ("https://stripe.com@evil.test/i", False),
        ("https://somebody@stripe.com/i", False),
        ("https://stripe.com:8443/i", False),
        ("https://stripe.com:port/i", False),
        ("https://[stripe.com/i", False),
        ("javascript:alert(1)", False),
        ("//stripe.com/i", False),
        ("", False),
        (None, False),
    ],
)
def test_only_stripes_pages_are_handed_out(url: str | None, is_stripes: bool) -> None:
    assert (StripePages(None).page(url) is not None) == is_stripes


def test_a_stand_in_serves_its_own_pages() -> None:
    pages = StripePages("http://127.0.0.1:12111")
    assert pages.page("http://127.0.0.1:12111/invoice/1") is not None
    assert pages.page("http://127.0.0.1:12112/invoice/1") is None
