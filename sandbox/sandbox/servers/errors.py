"""What can keep a server from starting, said in one sentence to a person."""


class CannotStart(Exception):
    """The message is the whole of what the person at the terminal sees."""
