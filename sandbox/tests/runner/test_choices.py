"""What the environment of `make run` chooses, and what it is refused."""

from pathlib import Path

import pytest

from sandbox.runner.choices import read_choices
from sandbox.servers.errors import CannotStart


def test_an_empty_environment_gets_the_whole_sandbox() -> None:
    choices = read_choices({"OPENAI_API_KEY": " ", "PORT": ""})
    assert choices.apps == ("cognito", "stripe", "openai", "mail", "portal")
    assert choices.port == 8000


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, "openai"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "openai"),
        ({"STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}, "stripe"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:9"}, "stripe"),
    ],
)
def test_a_vendor_of_the_environment_replaces_its_sandbox(given: dict[str, str], left_out: str) -> None:
    assert left_out not in read_choices(given).apps


def test_a_pool_of_the_environment_replaces_the_sandbox() -> None:
    given = {
        "COGNITO_ISSUER": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc",
        "COGNITO_CLIENT_ID": "web",
        "COGNITO_TOKEN_URL": "https://login.example.com/oauth2/token",
        "SERVICE_CLIENTS_FILE": "clients.json",
    }
    assert "cognito" not in read_choices(given).apps


def test_a_pool_id_alone_names_the_issuer() -> None:
    needs = {
        "COGNITO_CLIENT_ID": "web",
        "COGNITO_TOKEN_URL": "https://x/oauth2/token",
        "SERVICE_CLIENTS_FILE": "c.json",
    }
    choices = read_choices({"COGNITO_USERPOOL_ID": "eu-west-1_Abc"} | needs)
    assert choices.given["COGNITO_ISSUER"] == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"
    assert not choices.cognito_is_ours


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"STRIPE_API_KEY": "sk_live_1"}, "STRIPE_WEBHOOK_SECRET"),
        ({"COGNITO_ISSUER": "https://x", "COGNITO_CLIENT_ID": "web"}, "COGNITO_TOKEN_URL and SERVICE_CLIENTS_FILE"),
        ({"COGNITO_USERPOOL_ID": "Abc"}, "no pool id"),
        ({"PORT": "http"}, "PORT is 'http'"),
        ({"PORT": "70000"}, "PORT is '70000'"),
        ({"RATE_LIMITS": "30/minute"}, "RATE_LIMITS is not JSON"),
        ({"RATE_LIMITS": '{"story.create_story": 30}'}, "RATE_LIMITS is not an object from rules to rates"),
        ({"RATE_LIMITS": '{"storey.create_story": "30/minute"}'}, "no service has a rule storey.create_story"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(CannotStart, match=sentence):
        read_choices(given)


def test_the_run_directory_may_lie_elsewhere() -> None:
    assert read_choices({"RUN_DIR": "/tmp/there"}).directory == Path("/tmp/there")
