"""The page for a person: says what this is not, lets them try it, and has the switches."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse

from sandbox.openai.switches import KINDS, TARGETS, Switches
from sandbox.pages.pages import page

_HERE = Path(__file__).parent


async def front_page(request: Request) -> HTMLResponse:
    switches: Switches = request.app.state.switches
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    return page(_HERE, "page.html.jinja", rate=switches.tokens_per_second, kinds=KINDS, targets=TARGETS, script=script)
