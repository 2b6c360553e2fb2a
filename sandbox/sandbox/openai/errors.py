"""Refusals in OpenAI's words and shapes, so that its SDK raises the classes it raises for the real service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, code=code, param=param)


def no_key() -> ApiError:
    message = (
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY)."
    )
    return ApiError(401, message)


def wrong_key(key: str) -> ApiError:
    return ApiError(401, f"Incorrect API key provided: {key[:7]}***.", code="invalid_api_key")


def no_model(name: str) -> ApiError:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found")


def rate_limited() -> ApiError:
    message = "Rate limit reached for requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 1s."
    headers = {"retry-after": "1", "retry-after-ms": "1000", "x-ratelimit-remaining-requests": "0"}
    return ApiError(429, message, "requests", "rate_limit_exceeded", headers=headers)


def out_of_quota() -> ApiError:
    message = "You exceeded your current quota, please check your plan and billing details."
    return ApiError(429, message, "insufficient_quota", "insufficient_quota")


def broken() -> ApiError:
    return ApiError(500, "The server had an error while processing your request. Sorry about that!", "server_error")


def overloaded() -> ApiError:
    return ApiError(503, "The engine is currently overloaded, please try again later.", "service_unavailable_error")
