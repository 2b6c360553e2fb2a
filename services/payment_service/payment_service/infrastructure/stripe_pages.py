"""Which addresses may be handed to people as pages of Stripe's."""

from urllib.parse import urlsplit

_DOMAIN = "stripe.com"


class StripePages:
    """Stripe's own pages, and those of `api_base` where that is another's: a stand-in serves its pages itself."""

    def __init__(self, api_base: str | None) -> None:
        self._origin = urlsplit(api_base)[:2] if api_base else None

    def page(self, url: str | None) -> str | None:
        """Return the address if it leads to Stripe, None for any other."""
        return url if url and self._leads_there(url) else None

    def _leads_there(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host, is_plain = parts.hostname or "", parts.username is None and parts.port in (None, 443)
        except ValueError:
            return False
        if (parts.scheme, parts.netloc) == self._origin:
            return True
        return parts.scheme == "https" and is_plain and (host == _DOMAIN or host.endswith(f".{_DOMAIN}"))


STRIPES_OWN = StripePages(None)
