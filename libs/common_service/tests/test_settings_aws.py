"""Settings out of Secrets Manager and Parameter Store: the order, what is asked, and what a failure says."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import boto3
import pytest
from moto import mock_aws
from pydantic import Field, SecretStr

from common_service.settings import ServiceSettings
from common_service.settings_aws import SettingsUnreadable
from common_service.settings_reading import read_settings

REGION, SECRET, PATH = "eu-west-2", "truecrime/kit", "/truecrime/kit"
GIVEN = {
    "REDIS_URL": "rediss://cache.internal:6379/0",
    "COGNITO_ISSUER": "https://issuer.example",
    "COGNITO_JWKS_URL": "https://issuer.example/.well-known/jwks.json",
    "COGNITO_CLIENT_ID": "web",
}


class KitSettings(ServiceSettings):
    """What the tests ask for beside the settings of every service."""

    stripe_api_key: SecretStr = SecretStr("")
    group_permissions: dict[str, list[str]] = Field(default_factory=dict)
    story_model: str = "none"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what needs no secret, and credentials that open nothing."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
    for name, value in (GIVEN | keys | {"AWS_MAX_ATTEMPTS": "1"}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def keep_secret(value: str) -> None:
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name=SECRET, SecretString=value)


def keep_parameters(**values: str) -> None:
    client = boto3.client("ssm", region_name=REGION)
    for name, value in values.items():
        client.put_parameter(Name=f"{PATH}/{name}", Value=value, Type="SecureString")


@pytest.mark.usefixtures("aws")
def test_the_environment_wins_over_the_secret_and_the_secret_over_the_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    monkeypatch.setenv("SSM_PATH", PATH)
    monkeypatch.setenv("STRIPE_API_KEY", "of the environment")
    keep_secret(json.dumps({"STRIPE_API_KEY": "of the secret", "DATABASE_URL": "of the secret"}))
    keep_parameters(STRIPE_API_KEY="of SSM", DATABASE_URL="of SSM", STORY_MODEL="of SSM")
    settings = read_settings(KitSettings)
    assert settings.stripe_api_key.get_secret_value() == "of the environment"
    assert settings.database_url.get_secret_value() == "of the secret"
    assert settings.story_model == "of SSM"


@pytest.mark.usefixtures("aws")
def test_a_value_comes_from_one_source_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    monkeypatch.setenv("GROUP_PERMISSIONS", '{"support": ["users.read"]}')
    keep_secret(json.dumps({"DATABASE_URL": "x", "GROUP_PERMISSIONS": '{"admin": ["billing.write"]}'}))
    assert read_settings(KitSettings).group_permissions == {"support": ["users.read"]}


@pytest.mark.usefixtures("aws")
def test_a_secret_may_hold_numbers_and_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    keep_secret(json.dumps({"database_url": "x", "PORT": 8123, "GROUP_PERMISSIONS": {"admin": ["users.read"]}}))
    settings = read_settings(KitSettings)
    assert (settings.port, settings.group_permissions) == (8123, {"admin": ["users.read"]})


@pytest.mark.usefixtures("aws")
def test_parameters_are_read_from_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSM_PATH", PATH)
    others = {f"OTHER_{number}": "x" for number in range(25)}  # ten a page
    keep_parameters(**others, DATABASE_URL="the last", STORY_MODEL="too")
    settings = read_settings(KitSettings)
    assert (settings.database_url.get_secret_value(), settings.story_model) == ("the last", "too")


def test_nothing_is_asked_and_boto3_stays_out_where_no_source_is_named() -> None:
    code = "import sys, common_service.settings_reading as r, common_service.settings as s\n"
    code += "r.read_settings(s.ServiceSettings); sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=GIVEN | {"DATABASE_URL": "x"}, check=False)
    assert done.returncode == 0


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRETS_MANAGER_ID", "truecrime/nobody", "Secrets Manager does not have what SECRETS_MANAGER_ID names."),
        ("SSM_PATH", "/truecrime/nobody", "Below SSM_PATH there is no parameter."),
        ("SSM_PATH", "truecrime", "SSM_PATH does not start with a slash."),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read_settings(KitSettings)
    assert ended.value.code == 78
    assert capsys.readouterr().err == f"cannot start: {sentence}\n"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("secret", ["hunter2", '["hunter2"]', '"hunter2"', "null"])
def test_a_secret_that_is_no_object_is_refused_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    keep_secret(secret)
    with pytest.raises(SettingsUnreadable, match="is not a JSON object") as refused:
        KitSettings()
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.usefixtures("aws")
def test_a_secret_of_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name=SECRET, SecretBinary=b"{}")
    with pytest.raises(SettingsUnreadable, match="is not a JSON object"):
        KitSettings()


class _Refusing(BaseHTTPRequestHandler):
    """AWS, as it answers somebody without the right to ask."""

    code: ClassVar[str] = "AccessDeniedException"

    def do_POST(self) -> None:
        text = json.dumps({"__type": self.code, "Message": "arn:aws:iam::000000000000:role/kit is not authorized"})
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any, **__: Any) -> None: ...


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize(
    ("name", "value", "store"), [("SECRETS_MANAGER_ID", SECRET, "Secrets Manager"), ("SSM_PATH", PATH, "Parameter")]
)
@pytest.mark.parametrize(("code", "what"), [("AccessDeniedException", "let"), ("InternalServiceError", "refused")])
def test_a_refusal_is_said_without_the_words_of_aws(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, store: str, code: str, what: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(_Refusing, "code", code)
    with pytest.raises(SettingsUnreadable) as refused:
        KitSettings()
    text = str(refused.value)
    assert (store in text, what in text, "arn:" in text) == (True, True, False)


def test_nobody_to_ask_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ID", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SettingsUnreadable, match="could not be asked for SECRETS_MANAGER_ID: EndpointConnectionError"):
        KitSettings()
