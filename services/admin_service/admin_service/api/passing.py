"""Another service's answer on its way to an admin, and the line that says who did what."""

from uuid import UUID

import structlog
from fastapi import Response

from admin_service.application.passing import Passed
from common_auth.callers import Person

log = structlog.get_logger("audit")


def logged(action: str, admin: Person, target: UUID, passed: Passed) -> Response:
    """Note what an admin did, whatever came of it, and answer."""
    log.info("admin acted", action=action, actor=str(admin.user_id), target=str(target), status=passed.status)
    return answered(passed)


def answered(passed: Passed) -> Response:
    """Answer what the other service answered."""
    return Response(passed.body, passed.status, dict(passed.headers), passed.media_type)
