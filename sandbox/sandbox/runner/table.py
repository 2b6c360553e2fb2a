"""The table of addresses that ends a start."""

from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

_WIDTH = 110


def print_table(document: dict[str, Any], out: TextIO, *, colour: bool) -> None:
    """Print what a person may open, in the order in which they want it."""
    table = Table(title="TrueCrime on this machine", title_justify="left", title_style="bold")
    table.add_column("what", style="bold")
    table.add_column("address", style="cyan", no_wrap=True)
    table.add_column("notes")
    for row in _rows(document):
        table.add_row(*row)
    console = Console(file=out, force_terminal=colour, no_color=not colour, highlight=False)
    console.width = max(console.width, _WIDTH)  # a file has 80 columns by default, which would fold every row
    console.print(table)


def _rows(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    services, people = document["services"], document["people"]
    names = ", ".join(person["email"].partition("@")[0] for person in people)
    return [
        ("front page", document["web"], "health, one-click login, live events"),
        *((f"{name} API", service["docs_url"], "documentation") for name, service in services.items()),
        ("Cognito", document["cognito"]["url"], _kind(document["cognito"], document["cognito"]["user_pool_id"])),
        ("Stripe", document["stripe"]["url"], _kind(document["stripe"], "clock, webhooks; card 4242 4242 4242 4242")),
        ("OpenAI", document["openai"]["url"], _kind(document["openai"], "a prose engine, not a model")),
        ("mailbox", document["mail"]["url"], f"SMTP on port {document['mail']['smtp_port']}"),
        ("Postgres", _without_password(document["database_url"]), "one schema and login role a service"),
        ("Redis", _without_password(document["redis_url"]), "streams, caches"),
        ("people", f"{names} @truecrime.test", f"password {people[0]['password']}"),
    ]


def _kind(part: dict[str, Any], note: str) -> str:
    return f"sandbox: {note}" if part["is_ours"] else "chosen by the environment"


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
