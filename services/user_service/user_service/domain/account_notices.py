"""What people are told about their accounts, in words."""

from user_service.domain.notification import Notice, NoticeKind
from user_service.domain.profile import Profile, Status


def status_changed(profile: Profile) -> Notice:
    """Tell that the person was suspended, or is let in again. Why is not told by e-mail."""
    if profile.status is not Status.SUSPENDED:
        title, body = "Your account is open again", "You can sign in again, with everything as you left it."
    else:
        until = f"until {profile.status_until:%d %B %Y, %H:%M} UTC" if profile.status_until else "until further notice"
        title = "Your account is suspended"
        body = f"You cannot sign in {until}. What you pay for and what you wrote is kept."
    return Notice(
        kind=NoticeKind.ACCOUNT,
        dedupe_key=f"account:{profile.version}",
        title=title,
        body=body,
        about=str(profile.id),
        data={"status": profile.status.value},
    )
