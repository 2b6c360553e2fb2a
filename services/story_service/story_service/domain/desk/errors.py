"""Why the moderation desk says no."""

from story_service.domain.errors import Refusal


class TargetUnknown(Refusal):
    """Nothing that this person could have seen."""

    def __init__(self) -> None:
        super().__init__("There is no such thing to be seen.")


class AlreadyReported(Refusal):
    """The same person has reported it, and nobody has decided yet."""

    def __init__(self) -> None:
        super().__init__("You have reported this already; it is being looked at.")


class NotHuman(Refusal):
    """The check against machines was not passed."""

    def __init__(self) -> None:
        super().__init__("Solve the check again: it was not passed.")


class ModerationCaseUnknown(Refusal):
    """No such case on the desk."""

    def __init__(self) -> None:
        super().__init__("There is no such moderation case.")


class AlreadyResolved(Refusal):
    """The case has ended."""

    def __init__(self) -> None:
        super().__init__("This moderation case has already been decided.")


class AlreadyAssigned(Refusal):
    """Another reviewer has the case."""

    def __init__(self) -> None:
        super().__init__("Another reviewer has this moderation case.")


class NotAssigned(Refusal):
    """Only who has the case decides it."""

    def __init__(self) -> None:
        super().__init__("Take the moderation case before you decide it.")


class SameReviewer(Refusal):
    """Nobody judges an appeal against an own decision."""

    def __init__(self) -> None:
        super().__init__("An appeal is decided by somebody else than the decision was.")


class VerdictUnfit(Refusal):
    """This kind of case does not end so."""

    def __init__(self) -> None:
        super().__init__("A moderation case of this kind cannot end with this verdict.")


class ReasonRequired(Refusal):
    """Nothing is taken from somebody without a reason."""

    def __init__(self) -> None:
        super().__init__("A block needs at least one reason code.")


class DecisionUnknown(Refusal):
    """No such decision about this person."""

    def __init__(self) -> None:
        super().__init__("There is no such decision about you.")


class AlreadyAppealed(Refusal):
    """One appeal for each decision."""

    def __init__(self) -> None:
        super().__init__("This decision has been appealed already.")


class WindowClosed(Refusal):
    """The time for an appeal is over."""

    def __init__(self) -> None:
        super().__init__("The time to appeal against this decision is over.")
