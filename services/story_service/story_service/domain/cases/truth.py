"""Which truth a story of a case may carry on its label."""

from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.errors import TruthModeUnfit
from story_service.domain.story import TruthMode

_OF_CASE = {
    TruthMode.FICTION: frozenset({TruthMode.FICTION}),
    TruthMode.INSPIRED: frozenset({TruthMode.INSPIRED}),
    TruthMode.DOCUMENTED: frozenset({TruthMode.DOCUMENTED, TruthMode.INSPIRED}),
}
_WITHOUT = frozenset({TruthMode.FICTION, TruthMode.INSPIRED})


def demand_truth_mode(file: CaseFile | None, wanted: TruthMode) -> None:
    """Raise TruthModeUnfit for a label that would say more than the case holds, or hide that it is about somebody."""
    if wanted not in (_OF_CASE[file.head.truth_mode] if file else _WITHOUT):
        raise TruthModeUnfit
