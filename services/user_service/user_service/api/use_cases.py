"""What the routes can do: made by the composition root, or by a test."""

from dataclasses import dataclass

from user_service.application.change_profile import EditProfile, RecordConsent
from user_service.application.find_users import FindUsers
from user_service.application.ports import Clock, Identities, StartWork
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
    read_notifications: ReadNotifications
    mark_read: MarkRead
    choose_notices: ChooseNotices


def wire(start_work: StartWork, identities: Identities, now: Clock, start_reading: StartWork | None = None) -> UseCases:
    """Build the use cases over one set of adapters; `start_reading` is for those that change nothing."""
    start_reading = start_reading or start_work
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
        read_notifications=ReadNotifications(start_reading),
        mark_read=MarkRead(start_work, now),
        choose_notices=ChooseNotices(start_work),
    )
