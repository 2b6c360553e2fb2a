"""The JSON API, driven by boto3."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError

from sandbox.cognito.errors import Refused
from sandbox.cognito.postman import Postman
from sandbox.servers.ports import free_port

POOL = "eu-west-2_TrueCrime"
WEB = "truecrime-web"
PASSWORD = "Harbour-Light-7"
SEEDED = "Case-File-2026"


def test_a_person_signs_up_confirms_and_signs_in(cognito: Any) -> None:
    answer = cognito.aws.sign_up(
        ClientId=WEB, Username="Ada@Example.com", Password=PASSWORD, UserAttributes=[{"Name": "name", "Value": "Ada"}]
    )
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"] == {
        "Destination": "a***@e***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }
    with pytest.raises(cognito.aws.exceptions.UserNotConfirmedException):
        cognito.sign_in("ada@example.com", PASSWORD)
    cognito.aws.confirm_sign_up(
        ClientId=WEB, Username="ada@example.com", ConfirmationCode=cognito.mailed_code("ada@example.com")
    )

    tokens = cognito.sign_in("ada@example.com", PASSWORD)

    access, identity = cognito.claims(tokens["AccessToken"]), cognito.claims(tokens["IdToken"], audience=WEB)
    assert access["sub"] == access["username"] == answer["UserSub"] == identity["cognito:username"]
    assert (access["token_use"], access["client_id"], access["version"]) == ("access", WEB, 2)
    assert access["exp"] - access["iat"] == tokens["ExpiresIn"] == 3600
    assert access["scope"] == "aws.cognito.signin.user.admin"
    assert "cognito:groups" not in access
    assert "aud" not in access
    assert (identity["token_use"], identity["email"], identity["email_verified"]) == ("id", "ada@example.com", True)
    assert identity["origin_jti"] == access["origin_jti"]
    assert identity["name"] == "Ada"
    about = cognito.aws.get_user(AccessToken=tokens["AccessToken"])
    assert {"Name": "email", "Value": "ada@example.com"} in about["UserAttributes"]
    assert {"Name": "email_verified", "Value": "true"} in about["UserAttributes"]


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (("sign_up", {"Username": "reader@truecrime.test", "Password": PASSWORD}), "UsernameExistsException"),
        (("sign_up", {"Username": "READER@truecrime.test", "Password": PASSWORD}), "UsernameExistsException"),
        (("sign_up", {"Username": "x@example.com", "Password": "short"}), "InvalidPasswordException"),
        (("sign_up", {"Username": "x@example.com", "Password": "no-capital-7"}), "InvalidPasswordException"),
        (("sign_up", {"Username": "no address", "Password": PASSWORD}), "InvalidParameterException"),
        (("sign_up", {"Username": "x@example.com\n", "Password": "x" * 256}), "InvalidPasswordException"),
        (("confirm_sign_up", {"Username": "nobody@example.com", "ConfirmationCode": "1"}), "ExpiredCodeException"),
        (("confirm_sign_up", {"Username": "reader@truecrime.test", "ConfirmationCode": "1"}), "NotAuthorizedException"),
        (("resend_confirmation_code", {"Username": "reader@truecrime.test"}), "InvalidParameterException"),
        (("sign_up", {"ClientId": "other", "Username": "x@y.zz", "Password": PASSWORD}), "ResourceNotFoundException"),
        (("sign_up", {"ClientId": "user-service", "Username": "x@y.zz", "Password": "x"}), "NotAuthorizedException"),
    ],
)
def test_a_refusal_of_sign_up_has_cognitos_name(cognito: Any, call: tuple[str, dict[str, str]], kind: str) -> None:
    operation, arguments = call
    with pytest.raises(getattr(cognito.aws.exceptions, kind)) as refused:
        getattr(cognito.aws, operation)(**{"ClientId": WEB} | arguments)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == f"{kind}:"


@pytest.mark.parametrize("name", ["iss", "token_use", "sub", "cognito:groups"])
def test_no_attribute_can_pose_as_a_claim(cognito: Any, name: str) -> None:
    with pytest.raises(cognito.aws.exceptions.InvalidParameterException):
        cognito.aws.sign_up(
            ClientId=WEB,
            Username="x@example.com",
            Password=PASSWORD,
            UserAttributes=[{"Name": name, "Value": "admin"}],
        )


def test_five_wrong_codes_spend_the_code_and_a_new_one_helps(cognito: Any) -> None:
    cognito.aws.sign_up(ClientId=WEB, Username="x@example.com", Password=PASSWORD)
    code = cognito.mailed_code("x@example.com")
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        with pytest.raises(cognito.aws.exceptions.CodeMismatchException):
            cognito.aws.confirm_sign_up(ClientId=WEB, Username="x@example.com", ConfirmationCode=wrong)
    with pytest.raises(cognito.aws.exceptions.LimitExceededException):
        cognito.aws.confirm_sign_up(ClientId=WEB, Username="x@example.com", ConfirmationCode=code)

    cognito.aws.resend_confirmation_code(ClientId=WEB, Username="x@example.com")
    fresh = cognito.mailed_code("x@example.com")
    cognito.aws.confirm_sign_up(ClientId=WEB, Username="x@example.com", ConfirmationCode=fresh)


def test_a_code_is_good_for_a_day(cognito: Any) -> None:
    cognito.aws.sign_up(ClientId=WEB, Username="x@example.com", Password=PASSWORD)
    cognito.clock.shift = timedelta(hours=24, seconds=1)
    with pytest.raises(cognito.aws.exceptions.ExpiredCodeException):
        cognito.aws.confirm_sign_up(
            ClientId=WEB, Username="x@example.com", ConfirmationCode=cognito.mailed_code("x@example.com")
        )


def test_a_stranger_is_told_no_more_than_a_wrong_password(cognito: Any) -> None:
    sentences = []
    for email in ("nobody@example.com", "reader@truecrime.test"):
        with pytest.raises(cognito.aws.exceptions.NotAuthorizedException) as refused:
            cognito.sign_in(email, "Wrong-Password-1")
        sentences.append(refused.value.response["Error"]["Message"])
    assert sentences == ["Incorrect username or password."] * 2
    simulated = cognito.aws.resend_confirmation_code(ClientId=WEB, Username="nobody@example.com")
    assert simulated["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"


def test_a_group_shows_in_the_next_token(cognito: Any) -> None:
    tokens = cognito.sign_in("reader@truecrime.test", SEEDED)
    person = {"UserPoolId": POOL, "Username": "reader@truecrime.test"}

    cognito.aws.admin_add_user_to_group(**person, GroupName="reader")
    cognito.aws.admin_add_user_to_group(**person, GroupName="admin")
    assert cognito.claims(cognito.refresh(tokens["RefreshToken"])["AccessToken"])["cognito:groups"] == [
        "admin",
        "reader",
    ]
    groups = cognito.aws.admin_list_groups_for_user(**person)["Groups"]
    assert [group["GroupName"] for group in groups] == ["admin", "reader"]

    cognito.aws.admin_remove_user_from_group(**person, GroupName="admin")
    assert cognito.claims(cognito.sign_in("reader@truecrime.test", SEEDED)["AccessToken"])["cognito:groups"] == [
        "reader"
    ]


def test_a_refresh_keeps_the_sign_in_and_makes_no_new_refresh_token(cognito: Any) -> None:
    tokens = cognito.sign_in("reader@truecrime.test", SEEDED)
    fresh = cognito.refresh(tokens["RefreshToken"])
    old, new = cognito.claims(tokens["AccessToken"]), cognito.claims(fresh["AccessToken"])
    assert "RefreshToken" not in fresh
    assert (old["origin_jti"], old["auth_time"]) == (new["origin_jti"], new["auth_time"])
    assert old["jti"] != new["jti"]


@pytest.mark.parametrize("ending", ["disable", "admin_sign_out", "own_sign_out", "revoke", "delete"])
def test_a_refresh_token_dies_with_its_sign_in(cognito: Any, ending: str) -> None:
    tokens, person = cognito.sign_in("reader@truecrime.test", SEEDED), {"UserPoolId": POOL}
    person["Username"] = "reader@truecrime.test"
    endings: dict[str, Any] = {
        "disable": lambda: cognito.aws.admin_disable_user(**person),
        "admin_sign_out": lambda: cognito.aws.admin_user_global_sign_out(**person),
        "own_sign_out": lambda: cognito.aws.global_sign_out(AccessToken=tokens["AccessToken"]),
        "revoke": lambda: cognito.aws.revoke_token(Token=tokens["RefreshToken"], ClientId=WEB),
        "delete": lambda: cognito.aws.admin_delete_user(**person),
    }
    endings[ending]()
    with pytest.raises(cognito.aws.exceptions.NotAuthorizedException):
        cognito.refresh(tokens["RefreshToken"])
    with pytest.raises(cognito.aws.exceptions.NotAuthorizedException):
        cognito.aws.get_user(AccessToken=tokens["AccessToken"])


def test_a_disabled_person_comes_back_only_when_enabled(cognito: Any) -> None:
    person = {"UserPoolId": POOL, "Username": "reader@truecrime.test"}
    cognito.aws.admin_disable_user(**person)
    assert cognito.aws.admin_get_user(**person)["Enabled"] is False
    with pytest.raises(cognito.aws.exceptions.NotAuthorizedException, match="User is disabled"):
        cognito.sign_in("reader@truecrime.test", SEEDED)
    cognito.aws.admin_enable_user(**person)
    assert cognito.sign_in("reader@truecrime.test", SEEDED)["AccessToken"]


def test_an_admin_opens_an_account_and_sets_its_password(cognito: Any) -> None:
    created = cognito.aws.admin_create_user(
        UserPoolId=POOL,
        Username="staff@example.com",
        UserAttributes=[{"Name": "email_verified", "Value": "true"}, {"Name": "name", "Value": "Staff"}],
        MessageAction="SUPPRESS",
    )["User"]
    assert (created["UserStatus"], created["Enabled"]) == ("FORCE_CHANGE_PASSWORD", True)
    cognito.aws.admin_set_user_password(
        UserPoolId=POOL, Username="staff@example.com", Password=PASSWORD, Permanent=True
    )
    seen = cognito.aws.admin_get_user(UserPoolId=POOL, Username=created["Username"])
    assert seen["UserStatus"] == "CONFIRMED"
    assert {"Name": "sub", "Value": created["Username"]} in seen["UserAttributes"]
    assert seen["UserCreateDate"] == created["UserCreateDate"]
    assert cognito.sign_in("staff@example.com", PASSWORD)["AccessToken"]


def test_an_admin_confirms_without_a_code(cognito: Any) -> None:
    cognito.aws.sign_up(ClientId=WEB, Username="x@example.com", Password=PASSWORD)
    cognito.aws.admin_confirm_sign_up(UserPoolId=POOL, Username="x@example.com")
    identity = cognito.claims(cognito.sign_in("x@example.com", PASSWORD)["IdToken"], audience=WEB)
    assert identity["email_verified"] is False
    with pytest.raises(cognito.aws.exceptions.NotAuthorizedException):
        cognito.aws.admin_confirm_sign_up(UserPoolId=POOL, Username="x@example.com")


def test_people_are_listed_in_pages_and_found_by_filters(cognito: Any) -> None:
    pages = cognito.aws.get_paginator("list_users").paginate(UserPoolId=POOL, PaginationConfig={"PageSize": 2})
    assert [len(page["Users"]) for page in pages] == [2, 1]
    found = cognito.aws.list_users(UserPoolId=POOL, Filter='email = "Admin@truecrime.test"')["Users"]
    assert [user["UserStatus"] for user in found] == ["CONFIRMED"]
    assert len(cognito.aws.list_users(UserPoolId=POOL, Filter='email ^= "nobody"')["Users"]) == 0
    assert len(cognito.aws.list_users_in_group(UserPoolId=POOL, GroupName="admin")["Users"]) == 1
    with pytest.raises(cognito.aws.exceptions.InvalidParameterException):
        cognito.aws.list_users(UserPoolId=POOL, Filter="email like x")


def test_groups_are_made_once(cognito: Any) -> None:
    group = cognito.aws.create_group(UserPoolId=POOL, GroupName="editor", Precedence=5)["Group"]
    assert (group["GroupName"], group["Precedence"]) == ("editor", 5)
    with pytest.raises(cognito.aws.exceptions.GroupExistsException):
        cognito.aws.create_group(UserPoolId=POOL, GroupName="editor")
    assert [group["GroupName"] for group in cognito.aws.list_groups(UserPoolId=POOL)["Groups"]] == [
        "admin",
        "editor",
        "reader",
    ]


@pytest.mark.parametrize(
    ("operation", "arguments", "kind"),
    [
        ("admin_get_user", {"Username": "nobody@example.com"}, "UserNotFoundException"),
        ("admin_disable_user", {"Username": "nobody@example.com"}, "UserNotFoundException"),
        ("admin_get_user", {"UserPoolId": "eu-west-2_Other", "Username": "x"}, "ResourceNotFoundException"),
        ("admin_add_user_to_group", {"Username": "x", "GroupName": "none"}, "ResourceNotFoundException"),
        ("list_users", {"Limit": 0}, "InvalidParameterException"),
    ],
)
def test_what_is_not_there_is_named(cognito: Any, operation: str, arguments: dict[str, str], kind: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(cognito.aws, operation)(**{"UserPoolId": POOL} | arguments)
    assert refused.value.response["Error"]["Code"] == kind


def test_admin_operations_ask_for_aws_credentials(cognito: Any) -> None:
    headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUsers"}
    answer = httpx2.post(cognito.base, json={"UserPoolId": POOL}, headers=headers)
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("target", "body", "kind"),
    [
        ("AWSCognitoIdentityProviderService.ForgotPassword", "{}", "UnknownOperationException"),
        ("Other.SignUp", "{}", "UnknownOperationException"),
        ("AWSCognitoIdentityProviderService.SignUp", "[", "SerializationException"),
        ("AWSCognitoIdentityProviderService.SignUp", "[]", "SerializationException"),
        ("AWSCognitoIdentityProviderService.SignUp", '{"ClientId": 1}', "SerializationException"),
        ("AWSCognitoIdentityProviderService.SignUp", "{}", "InvalidParameterException"),
    ],
)
def test_a_malformed_call_is_answered_by_name(cognito: Any, target: str, body: str, kind: str) -> None:
    answer = httpx2.post(cognito.base, content=body, headers={"X-Amz-Target": target})
    assert (answer.status_code, answer.json()["__type"]) == (400, kind)


def test_a_mail_that_cannot_leave_is_said() -> None:
    with pytest.raises(Refused) as refused:
        Postman(("127.0.0.1", free_port())).send_confirmation("x@example.com", "123456")
    assert refused.value.kind == "CodeDeliveryFailureException"
