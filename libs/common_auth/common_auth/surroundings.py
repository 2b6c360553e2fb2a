"""What every service has around it, built from its settings. Nothing is opened before it is used."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from fastapi import FastAPI

from common_auth.callers import Callers, Permissions
from common_auth.jwks import JwksCache
from common_auth.service_tokens import ServiceTokens
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now
from common_service.database import Database
from common_service.http import HttpClient
from common_service.pagination import Cursors
from common_service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One pool of connections, one HTTP client, who may call, and the tokens to call others with."""

    database: Database
    http: httpx2.AsyncClient
    people: TokenVerifier
    callers: Callers
    tokens: ServiceTokens
    cursors: Cursors

    async def close(self) -> None:
        """Let go of every connection."""
        await self.http.aclose()
        await self.database.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Let go when the application ends."""
        try:
            yield
        finally:
            await self.close()


def surroundings(settings: ServiceSettings, permissions: Permissions) -> Surroundings:
    """Build them; `permissions` says what the groups of this service's callers may do."""
    http = HttpClient()
    keys = JwksCache(settings.cognito_jwks_url, http)
    people = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.reader_clients, now=utc_now)
    services = TokenVerifier(keys, issuer=settings.cognito_issuer, clients=settings.service_clients, now=utc_now)
    secret = settings.service_client_secret.get_secret_value()
    return Surroundings(
        database=Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size),
        http=http,
        people=people,
        callers=Callers(people, services, permissions),
        tokens=ServiceTokens(settings.cognito_token_url, settings.service_client_id, secret, http),
        cursors=Cursors(settings.cursor_secret.get_secret_value()),
    )
