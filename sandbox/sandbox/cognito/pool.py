"""The pool's state: plain tables in memory, written to one file after every change."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.cognito.clock import Clock
from sandbox.cognito.errors import no_such_user
from sandbox.cognito.files import read_json, write_json
from sandbox.cognito.records import BrowserSession, Client, ConfirmationCode, Grant, Group, Status, User


class UserPool:
    """Requests run in threads: whoever reads to write does both inside `changing`."""

    def __init__(self, path: Path, now: Clock) -> None:
        raw = read_json(path, {})
        self.now = now
        self.users = {user.username: user for user in map(_user, raw.get("users", []))}
        self.groups = {group.name: group for group in map(_group, raw.get("groups", []))}
        self.clients = {client.client_id: client for client in map(_client, raw.get("clients", []))}
        self.grants = {grant.origin_jti: grant for grant in map(_grant, raw.get("grants", []))}
        self.browsers = {browser.key: browser for browser in map(_browser, raw.get("browsers", []))}
        self._path, self._lock, self._depth = path, threading.RLock(), 0

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the pool for one change; the file is written when the outermost block ends well."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            if self._depth == 0:
                self._save()

    def find(self, name: str) -> User | None:
        """Return the user of a username (the sub) or an e-mail address in any case, if there is one."""
        if user := self.users.get(name):
            return user
        wanted = name.strip().lower()
        with self._lock:
            return next((user for user in self.users.values() if user.email == wanted), None)

    def user(self, name: str) -> User:
        """Return the user that `name` means; UserNotFoundException where there is none."""
        if user := self.find(name):
            return user
        raise no_such_user()

    def change_user(self, name: str, change: Callable[[User], User]) -> User:
        """Replace one user by what `change` makes of the current one."""
        with self.changing():
            changed = change(self.user(name))
            self.users[changed.username] = changed
            return changed

    def groups_of(self, user: User) -> list[Group]:
        """The user's groups in the order of tokens: lowest precedence first, then by name."""
        groups = [self.groups[name] for name in user.groups if name in self.groups]
        return sorted(groups, key=lambda group: (group.precedence is None, group.precedence or 0, group.name))

    def end_sign_ins(self, username: str) -> None:
        """Forget every refresh token and browser of a person."""
        with self.changing():
            self.grants = {jti: grant for jti, grant in self.grants.items() if grant.username != username}
            self.browsers = {key: browser for key, browser in self.browsers.items() if browser.username != username}

    def _save(self) -> None:
        now = self.now()
        self.grants = {jti: grant for jti, grant in self.grants.items() if grant.expires_at > now}
        self.browsers = {key: browser for key, browser in self.browsers.items() if browser.expires_at > now}
        tables: dict[str, dict[str, Any]] = {
            "users": self.users,
            "groups": self.groups,
            "clients": self.clients,
            "grants": self.grants,
            "browsers": self.browsers,
        }
        write_json(self._path, {name: list(table.values()) for name, table in tables.items()})


def _user(raw: dict[str, Any]) -> User:
    code = raw["code"]
    return User(
        **raw
        | _times(raw, "created_at", "modified_at")
        | {"status": Status(raw["status"]), "groups": tuple(raw["groups"])}
        | {"code": code and ConfirmationCode(**code | _times(code, "expires_at"))}
    )


def _group(raw: dict[str, Any]) -> Group:
    return Group(**raw | _times(raw, "created_at"))


def _client(raw: dict[str, Any]) -> Client:
    return Client(**raw | {"scopes": tuple(raw["scopes"])})


def _grant(raw: dict[str, Any]) -> Grant:
    return Grant(**raw | _times(raw, "signed_in_at", "expires_at") | {"scopes": tuple(raw["scopes"])})


def _browser(raw: dict[str, Any]) -> BrowserSession:
    return BrowserSession(**raw | _times(raw, "signed_in_at", "expires_at"))


def _times(raw: dict[str, Any], *names: str) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(raw[name]) for name in names}
