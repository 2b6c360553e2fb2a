"""Why a case file is not changed."""

from story_service.domain.errors import Refusal


class CaseUnknown(Refusal):
    """No such case, or another reader's private one."""

    def __init__(self) -> None:
        super().__init__("There is no such case.")


class SourceUnknown(Refusal):
    """No such source in this case."""

    def __init__(self) -> None:
        super().__init__("There is no such source in this case.")


class PersonUnknown(Refusal):
    """No such person in this case."""

    def __init__(self) -> None:
        super().__init__("There is no such person in this case.")


class FactUnknown(Refusal):
    """No such fact in this case."""

    def __init__(self) -> None:
        super().__init__("There is no such fact in this case.")


class ReferenceUnknown(Refusal):
    """A fact or a person that names a source or a person which is not in the file, or was retracted."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The case has no such {what}.")


class SourceRequired(Refusal):
    """A documented case says nothing without a source."""

    def __init__(self) -> None:
        super().__init__("In a documented case every fact needs a source that stands.")


class SourceCited(Refusal):
    """Somebody's conviction rests on the source."""

    def __init__(self) -> None:
        super().__init__("A person's conviction rests on this source: change the legal status first.")


class ConvictionSourceRequired(Refusal):
    """Somebody real is called convicted, and no source says so."""

    def __init__(self) -> None:
        super().__init__("A conviction of a real person needs a source of a court, the police or an archive.")


class GuiltNotEstablished(Refusal):
    """Somebody real is called guilty without a conviction."""

    def __init__(self) -> None:
        super().__init__("This says that somebody real is guilty, whom the file does not show convicted.")


class MinorMustBeProtected(Refusal):
    """A child who would be named."""

    def __init__(self) -> None:
        super().__init__("A minor must be protected: the name is shown to nobody else.")


class ProtectedPersonNamed(Refusal):
    """The cover of the file names somebody who is protected."""

    def __init__(self) -> None:
        super().__init__("The title or the summary names a person who is protected.")


class VictimNotAccused(Refusal):
    """A victim with a legal status of an accused."""

    def __init__(self) -> None:
        super().__init__("A victim of the case cannot be one of its accused.")


class RealPersonInFiction(Refusal):
    """Somebody real in an invented case."""

    def __init__(self) -> None:
        super().__init__("Everybody in an invented case must be invented.")


class TruthModeUnfit(Refusal):
    """The label of the story would not fit its case."""

    def __init__(self) -> None:
        super().__init__("A story of this case cannot have this truth mode; a documented one needs a documented case.")


class CaseFull(Refusal):
    """The file holds as many of these as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The file holds {most} of these, and no more fit in.")


class CaseHasPublishedStories(Refusal):
    """Published stories rest on the case."""

    def __init__(self) -> None:
        super().__init__("Published stories rest on this case: take them back first.")
