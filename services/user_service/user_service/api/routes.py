"""What people do with their own profile, at `/user/v1/me`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_auth.errors import NOT_SIGNED_IN
from common_service.clock import Clock
from common_service.conditional import ETAG, IF_MATCH, SeenVersion, tag
from common_service.problems import PreconditionRequired, RateLimited
from common_service.rate_limit import RateLimits, limited
from user_service.api.problems import FACES
from user_service.api.schemas import (
    ConsentBody,
    PermissionsView,
    ProfilePatch,
    ProfileView,
    Provision,
    SettingsBody,
    SettingsView,
)
from user_service.api.use_cases import UseCases
from user_service.domain.consent import ConsentKind
from user_service.domain.errors import EmailInUse, IdTokenInvalid, NotProvisioned, VersionConflict
from user_service.domain.profile import UserId

_CHANGE = (NotProvisioned, VersionConflict, PreconditionRequired)


def me_routes(use_cases: UseCases, callers: Callers, limits: RateLimits, now: Clock) -> APIRouter:
    """Return the routes of the signed-in person."""
    router = APIRouter(prefix="/user/v1/me", tags=["me"], dependencies=[SIGNED_IN])
    _add_profile(router, use_cases, callers, limits)
    _add_settings(router, use_cases, callers, now)
    return router


def _add_profile(router: APIRouter, use_cases: UseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)
    seldom = [limits.per_user("user.provision_me", callers.reader), limits.per_address("user.provision_me_address")]

    @router.post("", status_code=201, dependencies=seldom, responses=_provisioned())
    async def provision_me(reader: Annotated[Person, signed_in], body: Provision, response: Response) -> ProfileView:
        """Make the caller's profile; where it exists, bring its e-mail address up to date (200)."""
        profile, is_new = await use_cases.provision_profile(UserId(reader.user_id), body.id_token)
        response.status_code = 201 if is_new else 200
        tag(response, profile.version)
        return ProfileView.of(profile)

    @router.get("", responses=_tagged(NotProvisioned))
    async def read_me(reader: Annotated[Person, signed_in], response: Response) -> ProfileView:
        """Read the caller's profile."""
        profile = await use_cases.read_profile(UserId(reader.user_id))
        tag(response, profile.version)
        return ProfileView.of(profile)

    @router.patch("", responses=_tagged(*_CHANGE), openapi_extra=IF_MATCH)
    async def edit_me(
        reader: Annotated[Person, signed_in], version: SeenVersion, body: ProfilePatch, response: Response
    ) -> ProfileView:
        """Change name, language or country; what is absent stays."""
        profile = await use_cases.edit_profile(UserId(reader.user_id), body.edit(), version=version)
        tag(response, profile.version)
        return ProfileView.of(profile)

    @router.put("/consents/{kind}", responses=_tagged(NotProvisioned))
    async def record_my_consent(
        reader: Annotated[Person, signed_in], kind: ConsentKind, body: ConsentBody, response: Response
    ) -> ProfileView:
        """Give or withdraw a consent to one version of a text; repeating it changes nothing."""
        user_id = UserId(reader.user_id)
        profile = await use_cases.record_consent(user_id, kind, body.version, given=body.given)
        tag(response, profile.version)
        return ProfileView.of(profile)

    @router.get("/permissions", responses=FACES.responses(*NOT_SIGNED_IN))
    async def read_my_permissions(reader: Annotated[Person, signed_in]) -> PermissionsView:
        """Read what the groups of the caller's token allow."""
        return PermissionsView.of(await use_cases.read_permissions(reader.groups))


def _add_settings(router: APIRouter, use_cases: UseCases, callers: Callers, now: Clock) -> None:
    signed_in = Depends(callers.reader)

    @router.get("/settings", responses=_tagged(NotProvisioned))
    async def read_my_settings(reader: Annotated[Person, signed_in], response: Response) -> SettingsView:
        """Read the caller's settings."""
        settings = await use_cases.read_settings(UserId(reader.user_id))
        tag(response, settings.version)
        return SettingsView.of(settings)

    @router.put("/settings", responses=_tagged(*_CHANGE), openapi_extra=IF_MATCH)
    async def replace_my_settings(
        reader: Annotated[Person, signed_in], version: SeenVersion, body: SettingsBody, response: Response
    ) -> SettingsView:
        """Replace the caller's settings; what is left out goes back to its default."""
        settings = await use_cases.replace_settings(UserId(reader.user_id), body.to_domain(now()), version=version)
        tag(response, settings.version)
        return SettingsView.of(settings)


def _tagged(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return {200: {"headers": ETAG}, **FACES.responses(*NOT_SIGNED_IN, *refusals)}


def _provisioned() -> dict[int | str, dict[str, Any]]:
    exists = {"model": ProfileView, "description": "It exists.", "headers": ETAG}
    refusals = FACES.responses(*NOT_SIGNED_IN, EmailInUse, IdTokenInvalid, RateLimited)
    return limited({201: {"headers": ETAG}, 200: exists, **refusals}, 200, 201)
