"""The FastAPI application that every service is: problems, health, metrics, request ids, limits, docs without a CDN."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.types import ASGIApp

from common_service.draining import Drain, Leaving
from common_service.head import HeadAsGet
from common_service.middleware import BodyLimit, RequestContext, RequestLog, RequestMetrics
from common_service.problems import EVERY_ROUTE, PROBLEM_SCHEMA, ProblemTable
from common_service.tracing_app import Lifespan, flushing, telemetry

__all__ = ["Lifespan", "create_service_app"]
_BODY_LIMIT = 256 * 1024


def create_service_app(
    *,
    title: str,
    prefix: str,
    routers: Sequence[APIRouter],
    problems: ProblemTable,
    ready: Callable[[], Awaitable[None]],
    lifespan: Lifespan | None = None,
    registry: CollectorRegistry | None = None,
    body_limit: int = _BODY_LIMIT,
    drain: Drain | None = None,
) -> FastAPI:
    """Build the application of one service.

    `prefix` is its public path at the ALB, `/story`; `ready` raises while the service must get no traffic;
    `lifespan` opens and closes what the adapters hold; `body_limit` is in bytes; `drain` is for those who stream;
    `serve` finds it at `app.state.drain`, and the metrics at `app.state.registry`.
    """
    drain = drain or Drain()
    registry = registry or CollectorRegistry()
    app = FastAPIOffline(
        title=title,
        version="1",
        openapi_url=f"{prefix}/v1/openapi.json",
        docs_url=f"{prefix}/docs",
        redoc_url=None,
        static_url=f"{prefix}/docs/static",
        swagger_ui_oauth2_redirect_url=f"{prefix}/docs/oauth2-redirect",
        lifespan=flushing(lifespan),
        telemetry=telemetry(),
        generate_unique_id_function=_operation_id,
        responses=EVERY_ROUTE,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    _add_operations(app, ready, registry, drain)
    problems.install(app)
    _surround(app, registry, body_limit, drain)
    _describe(app)
    app.state.drain, app.state.registry = drain, registry
    return app


def _add_operations(
    app: FastAPI, ready: Callable[[], Awaitable[None]], registry: CollectorRegistry, drain: Drain
) -> None:
    async def healthz() -> dict[str, str]:
        return {"status": "up"}

    async def readyz() -> dict[str, str]:
        if drain.leaving:
            raise Leaving
        await ready()
        return {"status": "ready"}

    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    app.add_api_route("/metrics", metrics, include_in_schema=False)


def _surround(app: FastAPI, registry: CollectorRegistry, body_limit: int, drain: Drain) -> None:
    """Put our middleware around the framework's own answer to a defect too, which `add_middleware` does not."""
    build = app.build_middleware_stack

    def build_surrounded() -> ASGIApp:
        inside = HeadAsGet(BodyLimit(build(), body_limit))
        return RequestContext(RequestMetrics(RequestLog(inside), registry), drain)

    app.build_middleware_stack = build_surrounded  # type: ignore[method-assign]  # no other way to be outermost


def _describe(app: FastAPI) -> None:
    """Give the contract our problem document in place of FastAPI's own error models."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes)
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = PROBLEM_SCHEMA
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _operation_id(route: APIRoute) -> str:
    return route.name
