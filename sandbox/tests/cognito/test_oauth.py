"""The OAuth endpoints for machines: services, the web app's refresh and revoke, userInfo, and the documents."""

from typing import Any

import httpx2
import pytest

WEB = "truecrime-web"
ORIGIN = {"Origin": "http://127.0.0.1:8000"}


def credentials(cognito: Any, scope: str | None = None, **how: Any) -> httpx2.Response:
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    return httpx2.post(f"{cognito.base}/oauth2/token", data=form | how.pop("form", {}), **how)


def test_a_service_gets_a_token_for_the_scopes_it_asks_for(cognito: Any) -> None:
    basic = ("user-service", cognito.secret("user-service"))
    answer = credentials(cognito, "story/admin", auth=basic)
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"access_token", "expires_in", "token_type"}
    claims = cognito.claims(answer.json()["access_token"])
    assert (claims["sub"], claims["client_id"]) == ("user-service", "user-service")
    assert (claims["token_use"], claims["scope"]) == ("access", "story/admin")
    assert "username" not in claims
    everything = credentials(cognito, auth=basic).json()["access_token"]
    assert cognito.claims(everything)["scope"] == "payment/access story/admin"


def test_a_secret_may_come_in_the_form(cognito: Any) -> None:
    form = {"client_id": "payment-service", "client_secret": cognito.secret("payment-service")}
    assert cognito.claims(credentials(cognito, form=form).json()["access_token"])["scope"] == "user/read"


@pytest.mark.parametrize(
    ("client_id", "secret", "scope", "error"),
    [
        ("user-service", "wrong", None, "invalid_client"),
        ("user-service", "", None, "invalid_client"),
        ("nobody", "wrong", None, "invalid_client"),
        ("user-service", None, "user/admin", "invalid_scope"),
        ("user-service", None, "story/admin user/admin", "invalid_scope"),
        (WEB, "", None, "unauthorized_client"),
    ],
)
def test_a_service_is_refused_by_name(
    cognito: Any, client_id: str, secret: str | None, scope: str | None, error: str
) -> None:
    known = secret if secret is not None else cognito.secret(client_id)
    answer = credentials(cognito, scope, auth=(client_id, known))
    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic /w=="])
def test_an_unreadable_authorization_is_an_unknown_client(cognito: Any, header: str) -> None:
    answer = credentials(cognito, headers={"Authorization": header})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


def test_only_known_grants_are_open(cognito: Any) -> None:
    for form, error in (({"grant_type": "password"}, "unsupported_grant_type"), ({}, "invalid_request")):
        answer = httpx2.post(f"{cognito.base}/oauth2/token", data={"client_id": WEB} | form)
        assert answer.json() == {"error": error}


def test_the_web_app_refreshes_and_revokes(browser: Any) -> None:
    tokens = browser.exchange(browser.code("reader@truecrime.test")).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": WEB}
    fresh = browser.http.post("/oauth2/token", data=form).json()
    assert set(fresh) == {"access_token", "id_token", "expires_in", "token_type"}
    assert browser.cognito.claims(fresh["access_token"])["scope"] == "openid email profile"

    for wrong in ("", "x", tokens["refresh_token"] + "x", tokens["refresh_token"].partition(".")[0]):
        refused = browser.http.post("/oauth2/token", data=form | {"refresh_token": wrong})
        assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})

    assert browser.http.post("/oauth2/revoke", data={"token": "unknown", "client_id": WEB}).status_code == 200
    unsupported = browser.http.post("/oauth2/revoke", data={"token": tokens["access_token"], "client_id": WEB})
    assert unsupported.json()["error"] == "unsupported_token_type"
    revoked = browser.http.post("/oauth2/revoke", data={"token": tokens["refresh_token"], "client_id": WEB})
    assert (revoked.status_code, revoked.text) == (200, "")
    assert browser.http.post("/oauth2/token", data=form).json() == {"error": "invalid_grant"}


def test_a_refresh_token_belongs_to_its_client(browser: Any) -> None:
    tokens = browser.exchange(browser.code("reader@truecrime.test")).json()
    basic = ("user-service", browser.cognito.secret("user-service"))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert browser.http.post("/oauth2/token", data=form, auth=basic).json() == {"error": "invalid_grant"}


def test_user_info_tells_what_the_scopes_allow(browser: Any) -> None:
    tokens = browser.exchange(browser.code("reader@truecrime.test", scope="openid email")).json()
    answer = browser.http.get("/oauth2/userInfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    about = answer.json()
    assert (about["email"], about["email_verified"], about["sub"]) == (
        "reader@truecrime.test",
        "true",
        about["username"],
    )
    assert "name" not in about


@pytest.mark.parametrize("which", ["none", "identity", "without_openid", "service", "tampered", "signed_out"])
def test_user_info_refuses_other_tokens(browser: Any, which: str) -> None:
    cognito = browser.cognito
    tokens = browser.exchange(browser.code("reader@truecrime.test")).json()
    if which == "signed_out":
        cognito.aws.admin_user_global_sign_out(UserPoolId="eu-west-2_TrueCrime", Username="reader@truecrime.test")
    head, body, signature = tokens["access_token"].split(".")
    token = {
        "none": "none",
        "identity": tokens["id_token"],
        "without_openid": cognito.sign_in("reader@truecrime.test", "Case-File-2026")["AccessToken"],
        "service": credentials(cognito, auth=("user-service", cognito.secret("user-service"))).json()["access_token"],
        "tampered": f"{head}.{body[:-2]}AA.{signature}",
        "signed_out": tokens["access_token"],
    }[which]
    answer = browser.http.get("/oauth2/userInfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('error="invalid_token"')
    assert browser.http.get("/oauth2/userInfo").status_code == 401


def test_discovery_names_what_is_there(cognito: Any) -> None:
    found = httpx2.get(f"{cognito.issuer}/.well-known/openid-configuration", headers=ORIGIN)
    document = found.json()
    assert document["issuer"] == cognito.issuer
    assert httpx2.get(document["jwks_uri"]).json()["keys"] == cognito.published_keys()
    for name in ("token_endpoint", "revocation_endpoint"):
        assert httpx2.post(document[name], data={}).json() == {"error": "invalid_client"}
    assert httpx2.get(document["userinfo_endpoint"]).status_code == 401
    assert found.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/oauth2/token"),
        ("POST", "/oauth2/revoke"),
        ("GET", "/oauth2/userInfo"),
        ("GET", "/eu-west-2_TrueCrime/.well-known/jwks.json"),
        ("POST", "/"),
    ],
)
def test_a_web_app_of_another_origin_may_call(cognito: Any, method: str, path: str) -> None:
    asking = ORIGIN | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    preflight = httpx2.options(f"{cognito.base}{path}", headers=asking)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert method in preflight.headers["access-control-allow-methods"]


def test_secrets_are_not_for_other_origins(cognito: Any) -> None:
    answer = httpx2.get(f"{cognito.base}/_sandbox/clients", headers=ORIGIN)
    assert "access-control-allow-origin" not in answer.headers
