"""The front page itself: what platform.json says, in the words of a person, under a policy that names each script."""

import functools
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from sandbox.pages import pages

_TEMPLATES = Path(__file__).parent / "templates"
_LOOK = Path(pages.__file__).parent / "style.css"
_PEOPLE = {
    "reader": ("A reader", "has no plan yet"),
    "subscriber": ("A subscriber", "is on Pro"),
    "admin": ("An admin", "looks after people"),
}
_OUTSIDE = {
    "cognito": ("Cognito", "people, clients, keys"),
    "stripe": ("Stripe", "customers, the clock, the webhook log"),
    "openai": ("OpenAI", "the prose engine, its pace and its faults"),
}


def markup_for(platform: dict[str, Any]) -> str:
    """Return the page of a platform, which may not be recorded yet."""
    ours = [name for name in _OUTSIDE if platform.get(name, {}).get("is_ours")]
    mailbox = platform.get("mail", {}).get("url", "")
    links = [
        {"name": _OUTSIDE[name][0], "note": _OUTSIDE[name][1], "url": platform[name]["url"] + "/"} for name in ours
    ]
    if mailbox:
        links.append({"name": "Mailbox", "note": "every mail that was sent", "url": f"{mailbox}/"})
    return pages.render(
        _TEMPLATES,
        "front.html.jinja",
        services=platform["services"],
        links=links,
        stand_ins=_stand_ins([_OUTSIDE[name][0] for name in ours]),
        seeded=_people(platform) if "cognito" in ours else [],
        mailbox=mailbox if "cognito" in ours else "",
        test_card="stripe" in ours,
        css=_css(),
        program=_program(),
        settings=_settings(platform),
    )


def headers_for(platform: dict[str, Any]) -> dict[str, str]:
    """Return headers that let the page run its own scripts and talk to the platform and to Cognito, and no more."""
    login = platform.get("cognito", {}).get("url", "")
    scripts = " ".join(map(_digest, _program()))
    styles = " ".join(map(_digest, (_LOOK.read_text(encoding="utf-8"), _css())))
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; "
        f"connect-src 'self' {login}".rstrip()
        + "; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _people(platform: dict[str, Any]) -> list[dict[str, str]]:
    titles = [_PEOPLE.get(person["role"], (person["role"], "")) for person in platform["people"]]
    return [
        {"email": person["email"], "title": title, "note": note}
        for person, (title, note) in zip(platform["people"], titles, strict=True)
    ]


def _stand_ins(names: list[str]) -> str:
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]} are stand-ins"
    return f"{names[0]} is a stand-in" if names else ""


def _settings(platform: dict[str, Any]) -> str:
    """Tell the program where to sign in; `<` cannot end the element that carries this."""
    cognito = platform.get("cognito", {})
    settings = {"login": cognito.get("url"), "client": cognito.get("client_id")}
    return orjson.dumps(settings).decode().replace("<", "\\u003c")


@functools.cache
def _program() -> tuple[str, ...]:
    """Return the parts of the page's program, in the order of their numbers."""
    return tuple(part.read_text(encoding="utf-8") for part in sorted((_TEMPLATES / "program").glob("*.js")))


@functools.cache
def _css() -> str:
    return (_TEMPLATES / "front.css").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
