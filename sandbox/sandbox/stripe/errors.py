"""Stripe's error objects: what stripe-python turns into its exception classes by status, type and code."""

from typing import Any

JsonObject = dict[str, Any]


class ApiError(Exception):
    """A refusal as the API words it; `remembered`: an idempotency key keeps it, which failed validation is not.

    `undone`: nothing of what was done before it stays, as if the request had not been made.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        remembered: bool = True,
        details: JsonObject | None = None,
        undone: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.remembered = remembered
        self.details = details or {}
        self.undone = undone

    def body(self, request_id: str) -> JsonObject:
        error: JsonObject = {"message": self.message, "type": self.kind, **self.details, "request_log_url": None}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(kind: str, object_id: str, param: str) -> ApiError:
    """An id that names nothing: 404 in the path, 400 anywhere else."""
    return ApiError(
        f"No such {kind}: '{object_id}'",
        status=404 if param == "id" else 400,
        code="resource_missing",
        param=param,
    )


def invalid(message: str, *, param: str, code: str | None = None) -> ApiError:
    """A parameter that fails validation: nothing was executed, so the idempotency key stays free."""
    return ApiError(message, code=code, param=param, remembered=False)
