"""Shutting people out through the vendor's SDK, at the Cognito stand-in, and where nobody answers."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sandbox.cognito.app import create_app
from sandbox.cognito.records import POOL_ID
from sandbox.cognito.seeds import PASSWORD, WEB_CLIENT_ID
from sandbox.servers.ports import free_port
from sandbox.servers.served import served
from user_service.domain.errors import IdentityProviderUnavailable
from user_service.infrastructure.cognito_doors import CognitoDoors

pytestmark = pytest.mark.anyio
SIGN_IN = "AWSCognitoIdentityProviderService.InitiateAuth"


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the SDK credentials, and leave the environment open to a test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    return monkeypatch


@pytest.fixture
def cognito(tmp_path: Path, keys: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the stand-in, and point the SDK to it."""
    port = free_port()
    app = create_app(directory=tmp_path, issuer_base=f"http://127.0.0.1:{port}", smtp=None)
    with served(app, port) as url:
        keys.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", url)
        yield url


def sign_in(url: str, flow: str = "USER_PASSWORD_AUTH", **parameters: str) -> httpx2.Response:
    given = parameters or {"USERNAME": "reader@truecrime.test", "PASSWORD": PASSWORD}
    body = {"ClientId": WEB_CLIENT_ID, "AuthFlow": flow, "AuthParameters": given}
    return httpx2.post(url, json=body, headers={"X-Amz-Target": SIGN_IN})


async def test_who_is_shut_out_neither_signs_in_nor_goes_on(cognito: str) -> None:
    doors = CognitoDoors(region="eu-west-2", pool_id=POOL_ID)
    refresh = sign_in(cognito).json()["AuthenticationResult"]["RefreshToken"]
    for _ in range(2):
        await doors.shut("reader@truecrime.test")
    assert sign_in(cognito).json()["message"] == "User is disabled."
    assert sign_in(cognito, "REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh).status_code == 400
    for _ in range(2):
        await doors.open("reader@truecrime.test")
    assert sign_in(cognito).status_code == 200
    assert sign_in(cognito, "REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh).status_code == 400
    await doors.shut("nobody@truecrime.test")
    await doors.close()


async def test_where_nobody_answers_it_is_said(keys: pytest.MonkeyPatch) -> None:
    keys.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", f"http://127.0.0.1:{free_port()}")
    doors = CognitoDoors(region="eu-west-2", pool_id=POOL_ID)
    with pytest.raises(IdentityProviderUnavailable):
        await doors.open("reader@truecrime.test")
    await doors.close()
