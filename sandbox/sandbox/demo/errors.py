"""What stops the demo, said to the person who watches it."""


class StepFailed(Exception):
    """The message names what was expected and what came instead."""


class NotSubscribed(StepFailed):
    """The gate still answers 402."""
