"""Shutting people out at Cognito, through its SDK and in threads of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from common_service.tracing import calling
from user_service.domain.errors import IdentityProviderUnavailable
from user_service.infrastructure.aws_clients import aws_client

log = structlog.get_logger("cognito")
_GONE = "UserNotFoundException"
_THREADS = 4


class CognitoDoors:
    """One user pool. Who is not in it any more is shut out for good, which is no error."""

    def __init__(self, *, region: str, pool_id: str) -> None:
        self._region, self._pool_id = region, pool_id
        self._client: Any = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="cognito")

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def shut(self, username: str) -> None:
        """Disable the user, then end their sign-ins: the other way round a new one could come in between."""
        who = {"UserPoolId": self._pool_id, "Username": username}
        await self._ask(lambda cognito: cognito.admin_disable_user(**who))
        await self._ask(lambda cognito: cognito.admin_user_global_sign_out(**who))

    async def open(self, username: str) -> None:
        """Enable the user."""
        await self._ask(lambda cognito: cognito.admin_enable_user(UserPoolId=self._pool_id, Username=username))

    async def _ask(self, ask: Callable[[Any], object]) -> None:
        try:
            with calling("cognito-idp"):
                await asyncio.get_running_loop().run_in_executor(self._threads, lambda: ask(self._connected()))
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code != _GONE:
                log.warning("not done", code=code)
                raise IdentityProviderUnavailable from None
        except BotoCoreError as error:
            log.warning("not done", code=type(error).__name__)
            raise IdentityProviderUnavailable from None

    def _connected(self) -> Any:
        if self._client is None:
            self._client = aws_client("cognito-idp", region=self._region)
        return self._client
