"""Who tells people from machines: a service of the siteverify kind, or nobody where none is set."""

import logging

import httpx2

log = logging.getLogger("story")
_SECONDS = 2.0


class NobodyAsks:
    """Lets everybody pass: the rate limit alone stands at the door."""

    async def passes(self, token: str | None) -> bool:  # noqa: ARG002 - the port's signature
        """Find everybody human."""
        return True


class SiteVerify:
    """Asks a service that takes `secret` and `response` and says `success`, as the common captchas all do."""

    def __init__(self, url: str, secret: str, http: httpx2.AsyncClient) -> None:
        self._url, self._secret, self._http = url, secret, http

    async def passes(self, token: str | None) -> bool:
        """Ask once; a check that does not answer lets pass, as a family must not stand before a broken door."""
        if not token:
            return False
        try:
            form = {"secret": self._secret, "response": token}
            answer = await self._http.post(self._url, data=form, timeout=_SECONDS)
            answer.raise_for_status()
            return answer.json().get("success") is True
        except (httpx2.HTTPError, ValueError, AttributeError) as error:
            log.warning("the human check does not answer", extra={"reason": type(error).__name__})
            return True
