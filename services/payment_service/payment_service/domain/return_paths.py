"""Where people may come back to after the provider's page: paths of ours, never another site."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from payment_service.domain.errors import ReturnPathNotAllowed


class ReturnPaths:
    """An allow-list of path prefixes; `/stories` allows itself and what lies below it, `/` everything."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = tuple(prefix.rstrip("/") for prefix in prefixes)

    def check(self, path: str) -> None:
        """Raise ReturnPathNotAllowed unless `path` stays inside."""
        if not self._is_plain(path) or not any(self._is_below(path, prefix) for prefix in self._prefixes):
            raise ReturnPathNotAllowed

    def _is_plain(self, path: str) -> bool:
        """Refuse all that a browser might read as another host, or as a way up."""
        decoded = unquote(path)
        clean = decoded.isprintable() and "\\" not in decoded and " " not in decoded and "#" not in path
        return clean and path.startswith("/") and "//" not in decoded and ".." not in decoded.split("?")[0].split("/")

    def _is_below(self, path: str, prefix: str) -> bool:
        below = urlsplit(path).path
        return below == prefix or below.startswith(f"{prefix}/")
