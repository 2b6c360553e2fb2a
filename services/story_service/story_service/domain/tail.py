"""Parts what a model writes into what is shown and, behind a mark, what is not."""


class TailSplitter:
    """Takes pieces, gives back what may be shown; a mark cut anywhere is known. Without a mark all may."""

    def __init__(self, mark: str | None) -> None:
        self._mark, self._held, self._tail = mark, "", ""
        self._is_behind = False

    @property
    def tail(self) -> str:
        """What came behind the mark."""
        return self._tail

    def add(self, piece: str) -> str:
        """Take a piece and return what of all that came is certainly in front of the mark."""
        if self._mark is None:
            return piece
        if self._is_behind:
            self._tail += piece
            return ""
        self._held += piece
        shown, found, behind = self._held.partition(self._mark)
        if found:
            self._is_behind, self._held, self._tail = True, "", behind
            return shown
        kept = self._beginning_of_mark()
        shown, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return shown

    def rest(self) -> str:
        """Return what was held as the beginning of a mark that never came."""
        rest, self._held = self._held, ""
        return rest

    def _beginning_of_mark(self) -> int:
        assert self._mark is not None
        most = min(len(self._mark) - 1, len(self._held))
        return next((size for size in range(most, 0, -1) if self._mark.startswith(self._held[-size:])), 0)
