"""HTML pages of the sandbox: one look, no asset served from anywhere, nothing a page shows is trusted."""

import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_HERE = Path(__file__).parent
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def render(template_dir: Path, name: str, /, **context: Any) -> str:
    """Render `template_dir`/`name`, which may extend base.html.jinja and import parts.html.jinja of this folder."""
    return _environment(template_dir).get_template(name).render(context)


def page(template_dir: Path, name: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Answer with a rendered page; no cache keeps it, no other site frames it."""
    return HTMLResponse(render(template_dir, name, **context), status, headers=_HEADERS)


@functools.cache
def _environment(template_dir: Path) -> Environment:
    loader = FileSystemLoader([template_dir, _HERE])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["moment"] = _moment
    environment.globals["style"] = (_HERE / "style.css").read_text(encoding="utf-8")
    return environment


def _moment(at: datetime) -> str:
    """Write a time as a person reads it: 5 Nov 2026, 14:03:09 UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"
