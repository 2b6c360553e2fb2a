"""The pool really served, with a mailbox beside it, and the two kinds of client that talk to it."""

import base64
import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import httpx2
import jwt
import pytest
from botocore.config import Config
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from sandbox.cognito.app import create_app
from sandbox.cognito.seeds import PASSWORD
from sandbox.mail.app import create_app as create_mail_app
from sandbox.servers.ports import free_port
from sandbox.servers.served import served

POOL = "eu-west-2_TrueCrime"
WEB = "truecrime-web"
CALLBACK = "http://127.0.0.1:8000/callback"
NEW_PASSWORD = "Harbour-Light-7"
SIX_DIGITS = re.compile(r"\b\d{6}\b")


@dataclass
class Latest:
    """An application in front of the one that runs now: a restart of the pool needs no restart of the server."""

    app: Starlette = field(default_factory=Starlette)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass
class ShiftableClock:
    """The time of day plus what a test adds."""

    shift: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


@dataclass
class Cognito:
    """A served pool as a test sees it."""

    base: str
    mail: str
    clock: ShiftableClock
    directory: Path
    aws: Any

    @property
    def issuer(self) -> str:
        return f"{self.base}/{POOL}"

    def published_keys(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = httpx2.get(f"{self.issuer}/.well-known/jwks.json").json()["keys"]
        return found

    def claims(self, token: str, audience: str | None = None) -> dict[str, Any]:
        """Verify a token with the published keys, as a service does that knows nothing but the issuer."""
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(jwt.PyJWK(jwk) for jwk in self.published_keys() if jwk["kid"] == kid)
        options: Any = {"require": ["exp", "iat", "iss", "sub"], "verify_aud": audience is not None}
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], issuer=self.issuer, audience=audience, options=options
        )
        return claims

    def mailed_code(self, to: str) -> str:
        """Return the newest code mailed to an address."""
        mails = httpx2.get(f"{self.mail}/_sandbox/messages", params={"to": to}).json()
        found = SIX_DIGITS.search(mails[0]["text"])
        assert found is not None
        return found.group()

    def a_reader(self, email: str = "new@example.com", password: str = NEW_PASSWORD) -> str:
        """Sign a new person up, confirm them, and return their username."""
        username: str = self.aws.sign_up(ClientId=WEB, Username=email, Password=password)["UserSub"]
        self.aws.confirm_sign_up(ClientId=WEB, Username=email, ConfirmationCode=self.mailed_code(email))
        return username

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Sign in by the API and return the tokens."""
        answer = self.aws.initiate_auth(
            ClientId=WEB, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": email, "PASSWORD": password}
        )
        tokens: dict[str, Any] = answer["AuthenticationResult"]
        return tokens

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        answer = self.aws.initiate_auth(
            ClientId=WEB, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": refresh_token}
        )
        tokens: dict[str, Any] = answer["AuthenticationResult"]
        return tokens

    def secret(self, client_id: str) -> str:
        secret: str = httpx2.get(f"{self.base}/_sandbox/clients").json()[client_id]["client_secret"]
        return secret


@dataclass
class Browser:
    """A person's browser on its way from the web app to the login page and back."""

    cognito: Cognito
    http: httpx2.Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def query(self, **changed: str | None) -> str:
        """The query of an authorization request; a change to None leaves a parameter out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        usual = {
            "client_id": WEB,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid email profile",
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return urlencode({name: value for name, value in (usual | changed).items() if value is not None})

    def authorize(self, **changed: str | None) -> httpx2.Response:
        return self.http.get(f"/oauth2/authorize?{self.query(**changed)}")

    def log_in(self, email: str, password: str = PASSWORD, **changed: str | None) -> httpx2.Response:
        return self.http.post(f"/login?{self.query(**changed)}", data={"username": email, "password": password})

    def code(self, email: str, password: str = PASSWORD, **changed: str | None) -> str:
        return returned(self.log_in(email, password, **changed))["code"]

    def exchange(self, code: str, **changed: str) -> httpx2.Response:
        """Change a code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "client_id": WEB, "redirect_uri": CALLBACK}
        return self.http.post("/oauth2/token", data=form | {"code_verifier": self.verifier} | changed)


def returned(answer: httpx2.Response) -> dict[str, str]:
    """What a redirect brings back to the web app."""
    assert answer.status_code == httpx2.codes.SEE_OTHER, answer.text
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(address.query).items()}


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A mailbox for the whole run: its address and its SMTP port."""
    smtp_port = free_port()
    with served(
        create_mail_app(directory=tmp_path_factory.mktemp("mail"), smtp_port=smtp_port), free_port()
    ) as address:
        yield address, smtp_port


@pytest.fixture(scope="session")
def seeded_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool as it is after its first start: keys and hashes take a while to make."""
    directory = tmp_path_factory.mktemp("seeded")
    create_app(directory=directory, issuer_base="http://127.0.0.1:1", smtp=None)
    return directory


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, Latest]]:
    latest = Latest()
    with served(latest, free_port()) as address:
        yield address, latest


@pytest.fixture(scope="session")
def aws(server: tuple[str, Latest]) -> Iterator[Any]:
    """A client of boto3 with credentials that mean nothing."""
    client = boto3.client(
        "cognito-idp",
        endpoint_url=server[0],
        region_name="eu-west-2",
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
    )
    yield client
    client.close()


@pytest.fixture
def start_cognito(
    tmp_path: Path, seeded_directory: Path, mailbox: tuple[str, int], server: tuple[str, Latest], aws: Any
) -> Callable[[], Cognito]:
    """Start the pool, or start it anew: what the new one knows, it has read from the state's folder."""
    clock, (base, latest) = ShiftableClock(), server
    for file in seeded_directory.iterdir():
        shutil.copy2(file, tmp_path)

    def start() -> Cognito:
        smtp = ("127.0.0.1", mailbox[1])
        latest.app = create_app(directory=tmp_path, issuer_base=base, smtp=smtp, now=clock)
        return Cognito(base, mailbox[0], clock, tmp_path, aws)

    return start


@pytest.fixture
def cognito(start_cognito: Callable[[], Cognito]) -> Cognito:
    return start_cognito()


@pytest.fixture
def browser(cognito: Cognito) -> Iterator[Browser]:
    with httpx2.Client(base_url=cognito.base) as http:
        yield Browser(cognito, http)
