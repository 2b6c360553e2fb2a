"""API operations that AWS credentials are needed for: what our services' adapters and operators call."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sandbox.cognito.accounts import Accounts
from sandbox.cognito.attributes import listed, settable
from sandbox.cognito.errors import Refused, invalid
from sandbox.cognito.listing import page_of, selected
from sandbox.cognito.members import Body, limit, optional_text, pairs, text
from sandbox.cognito.passwords import check_policy, hash_password
from sandbox.cognito.pool import UserPool
from sandbox.cognito.records import POOL_ID, Group, Status, User


@dataclass(frozen=True, slots=True)
class AdminOperations:
    """One method an operation, named for it; from the request's JSON to the answer's."""

    pool: UserPool
    accounts: Accounts

    def admin_create_user(self, body: Body) -> dict[str, Any]:
        """Open an account with a temporary password, mailed unless the caller suppresses it."""
        if body.get("MessageAction") == "RESEND":
            raise invalid("RESEND is not offered by this pool.")
        password = optional_text(body, "TemporaryPassword") or f"Tmp-{secrets.token_urlsafe(8)}1a"
        check_policy(password)
        attributes = pairs(body, "UserAttributes")
        verified = {"Name": "email_verified", "Value": "true"} in attributes
        opened = self.accounts.open(
            text(body, "Username"), hash_password(password), Status.FORCE_CHANGE_PASSWORD, settable(attributes)
        )
        user = self.pool.change_user(opened.username, lambda user: replace(user, email_verified=verified))
        if body.get("MessageAction") != "SUPPRESS":
            self.accounts.postman.send_invitation(user.email, password)
        return {"User": written(user)}

    def admin_set_user_password(self, body: Body) -> dict[str, Any]:
        permanent = body.get("Permanent") is True
        self.accounts.set_password(text(body, "Username"), text(body, "Password"), permanent=permanent)
        return {}

    def admin_confirm_sign_up(self, body: Body) -> dict[str, Any]:
        self.accounts.confirm_unasked(text(body, "Username"), email_verified=False)
        return {}

    def admin_get_user(self, body: Body) -> dict[str, Any]:
        answer = written(self.pool.user(text(body, "Username")))
        answer["UserAttributes"] = answer.pop("Attributes")
        return answer

    def admin_update_user_attributes(self, body: Body) -> dict[str, Any]:
        pairs_given = pairs(body, "UserAttributes")
        attributes, flags = settable(pairs_given), {pair["Name"]: pair.get("Value", "") for pair in pairs_given}
        if "email" in flags:
            raise invalid("This pool does not change addresses.")
        verified = flags.get("email_verified")

        def changed(user: User) -> User:
            email_verified = user.email_verified if verified is None else verified == "true"
            return replace(user, attributes=dict(user.attributes) | attributes, email_verified=email_verified)

        return self._change(body, changed)

    def admin_delete_user(self, body: Body) -> None:
        with self.pool.changing():
            user = self.pool.user(text(body, "Username"))
            self.pool.end_sign_ins(user.username)
            del self.pool.users[user.username]

    def admin_add_user_to_group(self, body: Body) -> None:
        name = self._group(body).name
        self._change(body, lambda user: replace(user, groups=tuple(sorted({*user.groups, name}))))

    def admin_remove_user_from_group(self, body: Body) -> None:
        name = self._group(body).name
        self._change(body, lambda user: replace(user, groups=tuple(sorted({*user.groups} - {name}))))

    def admin_list_groups_for_user(self, body: Body) -> dict[str, Any]:
        groups = self.pool.groups_of(self.pool.user(text(body, "Username")))
        shown, token = page_of(groups, limit(body), optional_text(body, "NextToken"), lambda group: group.name)
        return {"Groups": [_written_group(group) for group in shown]} | ({"NextToken": token} if token else {})

    def admin_disable_user(self, body: Body) -> dict[str, Any]:
        """Shut a person out: no sign-in, no refresh, no userInfo. Access tokens that are out expire by themselves."""
        with self.pool.changing():
            answer = self._change(body, lambda user: replace(user, enabled=False))
            self.pool.end_sign_ins(self.pool.user(text(body, "Username")).username)
        return answer

    def admin_enable_user(self, body: Body) -> dict[str, Any]:
        return self._change(body, lambda user: replace(user, enabled=True))

    def admin_user_global_sign_out(self, body: Body) -> dict[str, Any]:
        self.pool.end_sign_ins(self.pool.user(text(body, "Username")).username)
        return {}

    def list_users(self, body: Body) -> dict[str, Any]:
        users = selected(self.pool.users.values(), optional_text(body, "Filter"))
        return self._listed(users, body, "PaginationToken")

    def list_users_in_group(self, body: Body) -> dict[str, Any]:
        group = self._group(body)
        users = [user for user in selected(self.pool.users.values(), None) if group.name in user.groups]
        return self._listed(users, body, "NextToken")

    def create_group(self, body: Body) -> dict[str, Any]:
        group = Group(text(body, "GroupName"), self.pool.now(), body.get("Description", ""), body.get("Precedence"))
        with self.pool.changing():
            if group.name in self.pool.groups:
                raise Refused("GroupExistsException", "A group with the name already exists.")
            self.pool.groups[group.name] = group
        return {"Group": _written_group(group)}

    def list_groups(self, body: Body) -> dict[str, Any]:
        groups = sorted(self.pool.groups.values(), key=lambda group: group.name)
        shown, token = page_of(groups, limit(body), optional_text(body, "NextToken"), lambda group: group.name)
        return {"Groups": [_written_group(group) for group in shown]} | ({"NextToken": token} if token else {})

    def _listed(self, users: list[User], body: Body, token_name: str) -> dict[str, Any]:
        shown, token = page_of(users, limit(body), optional_text(body, token_name), lambda user: user.username)
        return {"Users": [written(user) for user in shown]} | ({token_name: token} if token else {})

    def _group(self, body: Body) -> Group:
        if group := self.pool.groups.get(text(body, "GroupName")):
            return group
        raise Refused("ResourceNotFoundException", "Group not found.")

    def _change(self, body: Body, change: Callable[[User], User]) -> dict[str, Any]:
        now = self.pool.now()
        self.pool.change_user(text(body, "Username"), lambda user: replace(change(user), modified_at=now))
        return {}


def written(user: User) -> dict[str, Any]:
    """A user in the shape of the API."""
    return {
        "Username": user.username,
        "Attributes": listed(user),
        "UserCreateDate": user.created_at.timestamp(),
        "UserLastModifiedDate": user.modified_at.timestamp(),
        "Enabled": user.enabled,
        "UserStatus": user.status.value,
    }


def _written_group(group: Group) -> dict[str, Any]:
    optional = {"Description": group.description or None, "Precedence": group.precedence}
    return {
        "GroupName": group.name,
        "UserPoolId": POOL_ID,
        "LastModifiedDate": group.created_at.timestamp(),
        "CreationDate": group.created_at.timestamp(),
    } | {name: value for name, value in optional.items() if value is not None}
