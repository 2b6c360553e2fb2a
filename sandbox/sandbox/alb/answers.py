"""Answers the load balancer gives itself, worded and marked up as AWS does."""

from http import HTTPStatus

from aiohttp import web

from sandbox.alb.rules import FixedResponse

_NAMES = {463: "", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def of(fixed: FixedResponse) -> web.Response:
    headers = {"Content-Type": fixed.content_type, "Server": "awselb/2.0"}
    return web.Response(status=fixed.status, body=fixed.body, headers=headers)


def own_error(status: int) -> web.Response:
    """An error of the load balancer itself: HTML, never a problem document, so a client must not count on one."""
    name = _NAMES[status] if status in _NAMES else HTTPStatus(status).phrase
    title = f"{status} {name}".strip()
    head, body = f"<head><title>{title}</title></head>", f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>"
    page = f"<html>\r\n{head}\r\n{body}\r\n</html>\r\n"
    headers = {"Content-Type": "text/html", "Server": "awselb/2.0"}
    return web.Response(status=status, reason=name or "Unknown", body=page.encode(), headers=headers)
