"""The JSON API at POST /, as an AWS SDK speaks it: the operation in a header, errors by their type's name."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sandbox.cognito.admin_operations import AdminOperations
from sandbox.cognito.errors import Refused
from sandbox.cognito.members import Body, text
from sandbox.cognito.public_operations import PublicOperations
from sandbox.cognito.records import POOL_ID

Operation = Callable[[Body], dict[str, Any] | None]

_PREFIX = "AWSCognitoIdentityProviderService."


@dataclass(frozen=True, slots=True)
class Api:
    """The operations by name. Those of `signed` ask for AWS credentials; any will do, the pool is a sandbox."""

    public: dict[str, Operation]
    signed: dict[str, Operation]

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        target, authorization = request.headers.get("x-amz-target", ""), request.headers.get("authorization", "")
        try:
            answer = await run_in_threadpool(self._run, target, authorization, body)
        except Refused as refusal:
            return _response(400, {"__type": refusal.kind, "message": str(refusal)}, kind=refusal.kind)
        return _response(200, answer)

    def _run(self, target: str, authorization: str, raw: bytes) -> dict[str, Any] | None:
        name = target.removeprefix(_PREFIX)
        if not target.startswith(_PREFIX) or name not in self.public | self.signed:
            raise Refused("UnknownOperationException", f"The sandbox has no operation {name or '(none)'}.")
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise Refused("SerializationException", "The body is not a JSON object.")
        if name in self.public:
            return self.public[name](body)
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        if text(body, "UserPoolId") != POOL_ID:
            raise Refused("ResourceNotFoundException", f"User pool {body['UserPoolId']} does not exist.")
        return self.signed[name](body)


def create_api(public: PublicOperations, admin: AdminOperations) -> Api:
    """List the operations that this pool offers."""
    return Api(
        public={
            "SignUp": public.sign_up,
            "ConfirmSignUp": public.confirm_sign_up,
            "ResendConfirmationCode": public.resend_confirmation_code,
            "InitiateAuth": public.initiate_auth,
            "GetUser": public.get_user,
            "GlobalSignOut": public.global_sign_out,
            "RevokeToken": public.revoke_token,
        },
        signed={
            "AdminCreateUser": admin.admin_create_user,
            "AdminSetUserPassword": admin.admin_set_user_password,
            "AdminConfirmSignUp": admin.admin_confirm_sign_up,
            "AdminGetUser": admin.admin_get_user,
            "AdminUpdateUserAttributes": admin.admin_update_user_attributes,
            "AdminDeleteUser": admin.admin_delete_user,
            "AdminAddUserToGroup": admin.admin_add_user_to_group,
            "AdminRemoveUserFromGroup": admin.admin_remove_user_from_group,
            "AdminListGroupsForUser": admin.admin_list_groups_for_user,
            "AdminDisableUser": admin.admin_disable_user,
            "AdminEnableUser": admin.admin_enable_user,
            "AdminUserGlobalSignOut": admin.admin_user_global_sign_out,
            "ListUsers": admin.list_users,
            "ListUsersInGroup": admin.list_users_in_group,
            "CreateGroup": admin.create_group,
            "ListGroups": admin.list_groups,
        },
    )


def _response(status: int, content: dict[str, Any] | None, *, kind: str = "") -> Response:
    headers = {"x-amzn-requestid": str(uuid.uuid4())} | ({"x-amzn-errortype": f"{kind}:"} if kind else {})
    body = b"" if content is None else orjson.dumps(content)
    return Response(body, status, headers, media_type="application/x-amz-json-1.1")
