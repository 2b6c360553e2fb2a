"""What a plan allows, read and changed by an admin through admin_service; the ETag is the plan's version."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field, StrictBool, StringConstraints, model_validator

from common_auth.callers import Callers, ServiceCaller
from common_service.conditional import CACHEABLE, IF_MATCH, IfNoneMatch, SeenVersion, conditional
from common_service.problems import PreconditionRequired
from payment_service.api.overlay_schemas import Reason
from payment_service.api.schemas import Body, Features, PlanCode
from payment_service.api.security import SERVICE, actor_header, actor_of, refusing_services
from payment_service.api.use_cases import UseCases
from payment_service.domain.errors import PlanNotFound, PlansUnfit, VersionStale
from payment_service.domain.plan_changes import PastEntitlement
from payment_service.domain.plans import Entitlement, Plan, Window

READS, WRITES = "billing.read", "plans.write"
_MOST = 2**53 - 1
FeatureName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z]+(\.[a-z]+)*$")]
Code = Annotated[str, Path(max_length=32, pattern="^[a-z0-9_]{2,32}$")]


class FlagBody(Body):
    """Something that the plan allows or not."""

    kind: Literal["flag"]
    value: StrictBool


class LimitBody(Body):
    """So much in a window: `limit`, or `unlimited`."""

    kind: Literal["limit"]
    limit: Annotated[int, Field(strict=True, ge=0, le=_MOST)] | None = None
    unlimited: Literal[True] | None = None
    window: Window

    @model_validator(mode="after")
    def says_one_thing(self) -> "LimitBody":
        """Refuse a limit that is none, or two."""
        if (self.limit is None) == (self.unlimited is None):
            raise ValueError("either limit or unlimited")
        return self


class ConfigBody(Body):
    """A value that the plan sets."""

    kind: Literal["config"]
    value: StrictBool | Annotated[int, Field(strict=True, ge=-_MOST, le=_MOST)] | Annotated[
        str, StringConstraints(strict=True, max_length=200, pattern=r"^[^\x00]*$")
    ]  # fmt: skip


class EntitlementsBody(Body):
    """All that the plan allows from now on: the features that it has, no more and no fewer."""

    features: dict[FeatureName, Annotated[FlagBody | LimitBody | ConfigBody, Field(discriminator="kind")]]
    reason: Reason


class PastEntitlementView(BaseModel):
    """What the plan said about a feature from `valid_from` on, and who changed it why."""

    feature: str
    document: dict[str, Any]
    valid_from: datetime
    valid_to: datetime | None
    changed_by: UUID | None
    reason: str | None

    @classmethod
    def of(cls, past: PastEntitlement) -> "PastEntitlementView":
        """Return what may be shown."""
        names = ("valid_from", "valid_to", "changed_by", "reason")
        own = {name: getattr(past, name) for name in names}
        return cls(feature=past.entitlement.feature, document=past.entitlement.document(), **own)


class EntitlementsView(BaseModel):
    """What a plan allows, and everything that it ever did, youngest first."""

    plan: PlanCode
    version: int
    features: Features
    history: list[PastEntitlementView]


def plan_routes(use_cases: UseCases, callers: Callers) -> APIRouter:
    """Return the routes about what plans allow."""
    router = APIRouter(prefix="/internal/v1/plans", tags=["internal"], dependencies=[SERVICE])
    writer = Depends(callers.service("payment/admin", acting=WRITES))

    @router.get(
        "/{code}/entitlements",
        response_model=EntitlementsView,
        responses=refusing_services(PlanNotFound) | CACHEABLE,
        dependencies=[Depends(callers.service("payment/admin", acting=READS))],
        openapi_extra=actor_header(READS),
    )
    async def read_entitlements(code: Code, if_none_match: IfNoneMatch = None) -> Response:
        """Read what a plan allows now, and what it did before."""
        plan, _ = found = await use_cases.read_entitlements(code)
        return conditional(_document(*found), str(plan.version), if_none_match)

    @router.put(
        "/{code}/entitlements",
        response_model=EntitlementsView,
        responses=refusing_services(PlanNotFound, PlansUnfit, PreconditionRequired, VersionStale)
        | {200: CACHEABLE[200]},
        openapi_extra={"parameters": [*actor_header(WRITES)["parameters"], *IF_MATCH["parameters"]]},
    )
    async def change_entitlements(
        code: Code, caller: Annotated[ServiceCaller, writer], seen: SeenVersion, body: EntitlementsBody
    ) -> Response:
        """Let a plan allow this from now on; everybody who has it is computed anew within seconds."""
        entitlements = [_entitlement(name, each) for name, each in body.features.items()]
        await use_cases.change_entitlements(code, entitlements, seen, actor_of(caller), body.reason)
        plan, _ = found = await use_cases.read_entitlements(code)
        return conditional(_document(*found), str(plan.version), None)

    return router


def _entitlement(feature: str, body: FlagBody | LimitBody | ConfigBody) -> Entitlement:
    match body:
        case FlagBody():
            return Entitlement(feature, "flag", flag=body.value)
        case LimitBody():
            return Entitlement(
                feature, "limit", limit=body.limit, is_unlimited=body.unlimited is True, window=body.window
            )
        case ConfigBody():
            return Entitlement(feature, "config", config=body.value)


def _document(plan: Plan, history: Sequence[PastEntitlement]) -> dict[str, Any]:
    past = [PastEntitlementView.of(each).model_dump(mode="json") for each in history]
    return {"plan": plan.code, "version": plan.version, "features": plan.features(), "history": past}
