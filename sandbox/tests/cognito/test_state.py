"""What outlives a restart, and what a change of keys does."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from sandbox.cognito.app import create_app
from sandbox.servers.errors import CannotStart

SEEDED = "Case-File-2026"


def test_people_keys_secrets_and_sign_ins_outlive_a_restart(start_cognito: Callable[[], Any]) -> None:
    first = start_cognito()
    username = first.a_reader("new@example.com")
    tokens, secret, keys = (
        first.sign_in("new@example.com", "Harbour-Light-7"),
        first.secret("user-service"),
        first.published_keys(),
    )

    second = start_cognito()

    assert second.published_keys() == keys
    assert second.secret("user-service") == secret
    assert second.claims(tokens["AccessToken"])["sub"] == username
    assert second.claims(second.refresh(tokens["RefreshToken"])["AccessToken"])["sub"] == username
    assert second.sign_in("reader@truecrime.test", SEEDED)["AccessToken"]


def test_passwords_and_refresh_tokens_are_kept_as_hashes_in_a_private_file(cognito: Any) -> None:
    cognito.a_reader("new@example.com", "Harbour-Light-7")
    tokens = cognito.sign_in("new@example.com", "Harbour-Light-7")
    kept = (cognito.directory / "pool.json").read_text()
    assert "Harbour-Light-7" not in kept
    assert tokens["RefreshToken"].partition(".")[2] not in kept
    for file in ("pool.json", "keys.json"):
        assert stat.S_IMODE((cognito.directory / file).stat().st_mode) == 0o600


def test_old_keys_stay_published_until_their_tokens_are_dead(cognito: Any) -> None:
    before, old = cognito.sign_in("reader@truecrime.test", SEEDED), {key["kid"] for key in cognito.published_keys()}

    kids = httpx2.post(f"{cognito.base}/_sandbox/rotate-keys").json()["kids"]

    after = cognito.sign_in("reader@truecrime.test", SEEDED)
    assert len(kids) == 4
    assert jwt.get_unverified_header(after["AccessToken"])["kid"] not in old
    assert cognito.claims(before["AccessToken"])["sub"] == cognito.claims(after["AccessToken"])["sub"]
    assert cognito.aws.get_user(AccessToken=before["AccessToken"])
    cognito.clock.shift = timedelta(hours=2, seconds=1)
    assert {key["kid"] for key in cognito.published_keys()}.isdisjoint(old)


def test_a_leaked_key_can_be_dropped_at_once(cognito: Any) -> None:
    before = cognito.sign_in("reader@truecrime.test", SEEDED)
    httpx2.post(f"{cognito.base}/_sandbox/rotate-keys", data={"forget_old": "1"})
    assert len(cognito.published_keys()) == 2
    with pytest.raises(cognito.aws.exceptions.NotAuthorizedException):
        cognito.aws.get_user(AccessToken=before["AccessToken"])


def test_rotated_keys_outlive_a_restart(start_cognito: Callable[[], Any]) -> None:
    first = start_cognito()
    httpx2.post(f"{first.base}/_sandbox/rotate-keys")
    keys = first.published_keys()
    assert start_cognito().published_keys() == keys


def test_twenty_people_at_once_lose_nobody(cognito: Any, start_cognito: Callable[[], Any]) -> None:
    emails = [f"reader{number}@example.com" for number in range(20)]
    with ThreadPoolExecutor(20) as people:
        usernames = list(people.map(cognito.a_reader, emails))
        tokens = list(people.map(lambda email: cognito.sign_in(email, "Harbour-Light-7"), emails))
    assert len(set(usernames)) == 20
    again = start_cognito()
    assert [again.claims(one["AccessToken"])["sub"] for one in tokens] == usernames
    assert again.refresh(tokens[-1]["RefreshToken"])


def test_one_address_opens_one_account_however_many_try(cognito: Any) -> None:
    def try_it(_: int) -> bool:
        try:
            cognito.aws.sign_up(ClientId="truecrime-web", Username="same@example.com", Password="Harbour-Light-7")
        except cognito.aws.exceptions.UsernameExistsException:
            return False
        return True

    with ThreadPoolExecutor(10) as people:
        assert sum(people.map(try_it, range(10))) == 1


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pool.json").write_text('{"users": [')
    with pytest.raises(CannotStart, match=r"pool\.json is damaged"):
        create_app(directory=tmp_path, issuer_base="http://127.0.0.1:1", smtp=None)


def test_the_overview_shows_the_pool_and_no_secret(cognito: Any) -> None:
    page = httpx2.get(f"{cognito.base}/").text
    assert "admin@truecrime.test" in page
    assert cognito.secret("user-service") not in page
