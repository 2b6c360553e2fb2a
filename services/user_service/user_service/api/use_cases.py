"""What the routes can do: made by the composition root, or by a test."""

from dataclasses import dataclass

from user_service.application.change_profile import EditProfile, RecordConsent
from user_service.application.change_status import ChangeStatus
from user_service.application.find_users import FindUsers
from user_service.application.ports import Clock, Doors, Identities, NewId, StartWork
from user_service.application.provision_profile import ProvisionProfile
from user_service.application.read_notifications import ChooseNotices, MarkRead, ReadNotifications
from user_service.application.read_permissions import ReadPermissions
from user_service.application.read_profile import ReadProfile, ReadUser
from user_service.application.reading_settings import ReadSettings, ReplaceSettings


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases of this service."""

    provision_profile: ProvisionProfile
    read_profile: ReadProfile
    edit_profile: EditProfile
    record_consent: RecordConsent
    read_settings: ReadSettings
    replace_settings: ReplaceSettings
    read_permissions: ReadPermissions
    read_user: ReadUser
    find_users: FindUsers
    change_status: ChangeStatus
    read_notifications: ReadNotifications
    mark_read: MarkRead
    choose_notices: ChooseNotices


@dataclass(frozen=True, slots=True)
class World:
    """The adapters. `start_reading` is for what changes nothing; without one it is `start_work`."""

    start_work: StartWork
    identities: Identities
    doors: Doors
    now: Clock
    new_id: NewId
    start_reading: StartWork | None = None


def wire(world: World) -> UseCases:
    """Build the use cases over one set of adapters."""
    start_work, identities, now = world.start_work, world.identities, world.now
    start_reading = world.start_reading or start_work
    return UseCases(
        provision_profile=ProvisionProfile(start_work, identities, now),
        read_profile=ReadProfile(start_reading),
        edit_profile=EditProfile(start_work, now),
        record_consent=RecordConsent(start_work, now),
        read_settings=ReadSettings(start_reading),
        replace_settings=ReplaceSettings(start_work),
        read_permissions=ReadPermissions(start_reading),
        read_user=ReadUser(start_reading),
        find_users=FindUsers(start_reading),
        change_status=ChangeStatus(start_work, world.doors, now, world.new_id),
        read_notifications=ReadNotifications(start_reading),
        mark_read=MarkRead(start_work, now),
        choose_notices=ChooseNotices(start_work),
    )
