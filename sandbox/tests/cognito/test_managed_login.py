"""Managed login as a browser and a web app see it: code + PKCE, and every way that it must fail."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import jwt
import pytest

POOL = "eu-west-2_TrueCrime"
WEB = "truecrime-web"
CALLBACK = "http://127.0.0.1:8000/callback"
READER = "reader@truecrime.test"
PASSWORD = "Harbour-Light-7"


def back(answer: httpx2.Response) -> dict[str, str]:
    """What a redirect to the web app carries."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{CALLBACK}?"), answer.headers["location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def alert(answer: httpx2.Response) -> str:
    """The error that a page shows."""
    found = re.search(r'role="alert">([^<]*)<', answer.text)
    return found.group(1) if found else ""


def test_a_person_signs_in_and_the_app_gets_tokens(browser: Any) -> None:
    to_login = browser.authorize(nonce="n-0S6")
    assert to_login.status_code == 303
    page = browser.http.get(to_login.headers["location"])
    assert 'name="password"' in page.text

    answer = back(browser.log_in("Admin@TrueCrime.test", nonce="n-0S6"))
    assert answer["state"] == browser.state
    tokens = browser.exchange(answer["code"]).json()

    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    access = browser.cognito.claims(tokens["access_token"])
    assert (access["token_use"], access["client_id"], access["scope"]) == ("access", WEB, "openid email profile")
    assert access["cognito:groups"] == ["admin"]
    identity = browser.cognito.claims(tokens["id_token"], audience=WEB)
    assert (identity["nonce"], identity["email"]) == ("n-0S6", "admin@truecrime.test")
    assert browser.cognito.refresh(tokens["refresh_token"])["AccessToken"]


def test_access_and_id_tokens_have_keys_of_their_own(browser: Any) -> None:
    tokens = browser.exchange(browser.code(READER)).json()
    kids = {jwt.get_unverified_header(tokens[name])["kid"] for name in ("access_token", "id_token")}
    assert kids == {key["kid"] for key in browser.cognito.published_keys()}
    assert len(kids) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"code_verifier": "short"},
        {"redirect_uri": "http://127.0.0.1:8001/callback"},
        {"code": "never-issued"},
    ],
)
def test_a_code_needs_its_own_verifier_and_address(browser: Any, changed: dict[str, str]) -> None:
    code = browser.code(READER)
    refused = browser.exchange(**{"code": code} | changed)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})
    if "code" not in changed:
        assert browser.exchange(code).json() == {"error": "invalid_grant"}, "a code is spent by a wrong try"


def test_a_code_works_once_and_for_five_minutes(browser: Any) -> None:
    code = browser.code(READER)
    assert browser.exchange(code).status_code == 200
    assert browser.exchange(code).json() == {"error": "invalid_grant"}
    late = browser.code(READER)
    browser.cognito.clock.shift = timedelta(minutes=5, seconds=1)
    assert browser.exchange(late).json() == {"error": "invalid_grant"}


def test_a_code_is_worth_nothing_once_its_person_is_disabled(browser: Any) -> None:
    code = browser.code(READER)
    browser.cognito.aws.admin_disable_user(UserPoolId=POOL, Username=READER)
    assert browser.exchange(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:8000/callback/",
        "http://127.0.0.1:8000/callback?x=1",
        "http://127.0.0.1:8000/other",
        "http://127.0.0.1/callback",
        "http://localhost:8000/callback",
        "https://127.0.0.1:8000/callback",
        "http://127.0.0.1:8000@evil.example/callback",
        "http://evil.example:8000/callback",
        "http://127.0.0.1:8000/callback\n",
        "",
        None,
    ],
)
def test_no_browser_is_sent_to_an_address_that_is_not_the_apps(browser: Any, uri: str | None) -> None:
    for answer in (browser.authorize(redirect_uri=uri), browser.log_in(READER, redirect_uri=uri)):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert alert(answer).startswith("redirect_mismatch")


def test_the_app_may_listen_on_any_port(browser: Any) -> None:
    answer = browser.log_in(READER, redirect_uri="http://127.0.0.1:51234/callback")
    assert answer.headers["location"].startswith("http://127.0.0.1:51234/callback?code=")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"scope": "openid story/admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_the_app_is_told_what_was_wrong_with_its_request(browser: Any, changed: Any, error: str) -> None:
    answer = back(browser.authorize(**changed))
    assert (answer["error"], answer["state"]) == (error, browser.state)
    assert "code" not in answer


def test_a_service_client_signs_nobody_in(browser: Any) -> None:
    assert browser.authorize(client_id="user-service").status_code == 400
    assert browser.authorize(client_id="nobody").status_code == 400


def test_the_page_says_why_a_sign_in_failed(browser: Any) -> None:
    refused = browser.log_in(READER, "wrong")
    assert (refused.status_code, alert(refused)) == (400, "Incorrect username or password.")
    assert f'value="{READER}"' in refused.text
    browser.cognito.aws.admin_disable_user(UserPoolId=POOL, Username=READER)
    assert alert(browser.log_in(READER)) == "User is disabled."


def test_what_a_page_repeats_is_escaped(browser: Any) -> None:
    evil = '"><script>alert(1)</script>'
    for answer in (browser.log_in(evil), browser.http.get(f"/login?{browser.query(login_hint=evil, state=evil)}")):
        assert "<script>alert" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_hint_fills_in_the_address(browser: Any) -> None:
    page = browser.http.get(browser.authorize(login_hint="someone@example.com").headers["location"])
    assert 'value="someone@example.com"' in page.text


def test_a_new_person_goes_from_sign_up_to_the_app_without_typing_the_password_twice(browser: Any) -> None:
    form = {"email": "Fresh@Example.com", "password": PASSWORD, "name": "Fresh"}
    to_confirm = browser.http.post(f"/signup?{browser.query()}", data=form)
    assert to_confirm.status_code == 303
    address = to_confirm.headers["location"]
    assert "fresh@example.com" in browser.http.get(address).text

    wrong = browser.http.post(address, data={"email": "fresh@example.com", "code": "abcdef"})
    assert alert(wrong) == "Invalid verification code provided, please try again."
    again = browser.http.post(address, data={"email": "fresh@example.com", "resend": "1"})
    assert "A new code is on its way." in again.text
    code = browser.cognito.mailed_code("fresh@example.com")
    answer = back(browser.http.post(address, data={"email": "fresh@example.com", "code": code}))

    claims = browser.cognito.claims(browser.exchange(answer["code"]).json()["id_token"], audience=WEB)
    assert (claims["email"], claims["email_verified"], claims["name"]) == ("fresh@example.com", True, "Fresh")


def test_another_browser_confirms_and_then_signs_in(browser: Any) -> None:
    query = browser.query()
    browser.http.post(f"/signup?{query}", data={"email": "fresh@example.com", "password": PASSWORD})
    browser.http.cookies.clear()
    code = browser.cognito.mailed_code("fresh@example.com")
    page = browser.http.post(f"/confirm?{query}", data={"email": "fresh@example.com", "code": code})
    assert page.status_code == 200
    assert "Your address is confirmed" in page.text
    assert back(browser.log_in("fresh@example.com", PASSWORD))["code"]


def test_an_account_can_be_opened_outside_a_sign_in(browser: Any) -> None:
    query = browser.query(code_challenge=None, code_challenge_method=None)
    browser.http.post(f"/signup?{query}", data={"email": "fresh@example.com", "password": PASSWORD})
    code = browser.cognito.mailed_code("fresh@example.com")
    page = browser.http.post(f"/confirm?{query}", data={"email": "fresh@example.com", "code": code})
    assert "fresh@example.com can sign in now." in page.text
    assert "set-cookie" not in page.headers


def test_the_sign_up_page_says_what_is_wrong(browser: Any) -> None:
    address = f"/signup?{browser.query()}"
    taken = browser.http.post(address, data={"email": READER, "password": PASSWORD})
    assert alert(taken) == "An account with the given email already exists."
    assert 'name="password"' in browser.http.get(address).text
    weak = browser.http.post(address, data={"email": "x@example.com", "password": "Feeble1"})
    assert alert(weak) == "Password did not conform with policy: Password not long enough"
    assert "Feeble1" not in weak.text


def test_an_unconfirmed_person_is_led_to_the_code(browser: Any) -> None:
    browser.cognito.aws.sign_up(ClientId=WEB, Username="half@example.com", Password=PASSWORD)
    answer = browser.log_in("half@example.com", PASSWORD)
    assert answer.headers["location"].startswith("/confirm?")
    assert "email=half%40example.com" in answer.headers["location"]


def test_a_temporary_password_is_changed_at_the_first_sign_in(browser: Any) -> None:
    browser.cognito.aws.admin_create_user(
        UserPoolId=POOL, Username="staff@example.com", TemporaryPassword="Only-Once-1", MessageAction="SUPPRESS"
    )
    page = browser.log_in("staff@example.com", "Only-Once-1")
    assert 'name="new_password"' in page.text
    form = {"email": "staff@example.com", "password": "Only-Once-1"}
    weak = browser.http.post(f"/new-password?{browser.query()}", data=form | {"new_password": "weak"})
    assert "Password not long enough" in alert(weak)
    answer = back(browser.http.post(f"/new-password?{browser.query()}", data=form | {"new_password": PASSWORD}))
    assert browser.exchange(answer["code"]).status_code == 200


def test_a_known_browser_gets_its_code_at_once(browser: Any) -> None:
    browser.code(READER)
    assert back(browser.authorize())["code"]
    assert back(browser.authorize(prompt="none"))["code"]
    assert back(browser.authorize(login_hint=READER))["code"]
    assert browser.authorize(prompt="login").headers["location"].startswith("/login?")
    assert browser.authorize(login_hint="admin@truecrime.test").headers["location"].startswith("/login?")


@pytest.mark.parametrize("ending", ["log_out", "sign_out", "disable", "an_hour"])
def test_a_browser_is_forgotten(browser: Any, ending: str) -> None:
    browser.code(READER)
    aws, person = browser.cognito.aws, {"UserPoolId": POOL, "Username": READER}
    if ending == "log_out":
        query = urlencode({"client_id": WEB, "logout_uri": "http://127.0.0.1:8000/"})
        assert browser.http.get(f"/logout?{query}").headers["location"] == "http://127.0.0.1:8000/"
    elif ending == "sign_out":
        aws.admin_user_global_sign_out(**person)
    elif ending == "disable":
        aws.admin_disable_user(**person)
    else:
        browser.cognito.clock.shift = timedelta(hours=1, seconds=1)
    assert browser.authorize().headers["location"].startswith("/login?")


def test_log_out_leads_to_the_app_alone(browser: Any) -> None:
    for uri in ("http://evil.example/", "http://127.0.0.1:8000@evil.example/", ""):
        answer = browser.http.get(f"/logout?{urlencode({'client_id': WEB, 'logout_uri': uri})}")
        assert answer.status_code == 400
    assert browser.http.get(f"/logout?{browser.query()}").headers["location"].startswith("/login?")


def test_a_seeded_person_signs_in_with_one_click(browser: Any) -> None:
    answer = back(browser.http.get(f"/_sandbox/authorize?{browser.query(login_hint='admin@truecrime.test')}"))
    access = browser.cognito.claims(browser.exchange(answer["code"]).json()["access_token"])
    assert access["cognito:groups"] == ["admin"]
    browser.cognito.a_reader("new@example.com")
    refused = browser.http.get(f"/_sandbox/authorize?{browser.query(login_hint='new@example.com')}")
    assert refused.status_code == 400
