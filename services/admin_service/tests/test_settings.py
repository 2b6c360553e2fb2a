"""What the environment decides for admin_service alone."""

from admin_service.settings import Settings
from common_service.testing import NOWHERE


def test_admins_have_every_permission_that_the_routes_ask_for() -> None:
    assert len(Settings(**NOWHERE).group_permissions["admin"]) == 20
