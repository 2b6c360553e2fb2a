"""Who stands behind a request: dependencies that a route names, and that refuse everybody else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import Request

from common_auth.errors import Forbidden, TokenInvalid, Unauthenticated
from common_auth.guests import Guest, GuestTokens
from common_auth.tokens import Claims, TokenVerifier

Permissions = Mapping[str, frozenset[str]]
"""Which permissions a Cognito group gives: data, not code."""


@dataclass(frozen=True, slots=True)
class Person:
    """A reader or an admin, signed in."""

    user_id: UUID
    username: str
    groups: tuple[str, ...]
    permissions: frozenset[str]
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceCaller:
    """One of our own services, with the admin behind the call where there is one."""

    client_id: str
    scopes: frozenset[str]
    actor: Person | None


class Callers:
    """Builds the dependencies of a service's routes from its verifiers; `guests` where the service has any.

    Each that reads Cognito's tokens may also raise KeysUnavailable. The classes of callers are those of api.md 6.1.
    """

    def __init__(
        self,
        people: TokenVerifier,
        services: TokenVerifier,
        permissions: Permissions,
        guests: GuestTokens | None = None,
    ) -> None:
        self._people, self._services, self._permissions, self._guests = people, services, permissions, guests

    async def reader(self, request: Request) -> Person:
        """Anybody who is signed in. Raises Unauthenticated."""
        return await self._person(bearer(request, "authorization"))

    def admin(self, permission: str) -> Callable[[Request], Awaitable[Person]]:
        """Return the dependency for a person whose groups give `permission`; it raises Unauthenticated, Forbidden."""

        async def admin(request: Request) -> Person:
            person = await self._person(bearer(request, "authorization"))
            if permission not in person.permissions:
                raise Forbidden(permission)
            return person

        return admin

    def guest(self, session: str) -> Callable[[Request], Awaitable[Guest]]:
        """Return the dependency for a guest of the session that the path parameter `session` names.

        It raises Unauthenticated, and Forbidden for any other session, whether or not there is one. The service must
        have been given `guests`: ValueError otherwise, when the route is made.
        """
        if self._guests is None:
            raise ValueError("this service has no guests")
        tokens = self._guests

        async def guest(request: Request) -> Guest:
            caller = tokens.guest(_only(request, "x-guest-token"))
            if str(request.path_params[session]).lower() != str(caller.session_id):
                raise Forbidden
            return caller

        return guest

    def reader_or_guest(self, session: str) -> Callable[[Request], Awaitable[Person | Guest]]:
        """Return the dependency for whoever is signed in or a guest of the session; who says to be both is refused.

        It raises Unauthenticated, Forbidden; ValueError as `guest` does.
        """
        as_guest = self.guest(session)

        async def reader_or_guest(request: Request) -> Person | Guest:
            if "x-guest-token" not in request.headers:
                return await self.reader(request)
            if "authorization" in request.headers:
                raise TokenInvalid("two callers at once")
            return await as_guest(request)

        return reader_or_guest

    def service(self, scope: str, *, acting: str | None = None) -> Callable[[Request], Awaitable[ServiceCaller]]:
        """Return the dependency for a service whose token has `scope`; it raises Unauthenticated, Forbidden.

        With `acting`, the call must also carry the token of an admin with that permission in `X-Actor-Token`.
        """

        async def service(request: Request) -> ServiceCaller:
            claims = await self._services.access(bearer(request, "authorization"))
            if scope not in claims.scopes:
                raise Forbidden(scope)
            actor = None
            if acting is not None:
                actor = await self._person(_only(request, "x-actor-token"))
                if acting not in actor.permissions:
                    raise Forbidden(acting)
            return ServiceCaller(claims.client_id, claims.scopes, actor)

        return service

    async def _person(self, token: str) -> Person:
        claims = await self._people.access(token)
        return Person(_user_id(claims), claims.username, claims.groups, self._of(claims), token)

    def _of(self, claims: Claims) -> frozenset[str]:
        return frozenset().union(*(self._permissions.get(group, frozenset()) for group in claims.groups))


def bearer(request: Request, header: str) -> str:
    """Return the token of the one `Bearer` header: one space, no list, no second header. Raises Unauthenticated."""
    values = request.headers.getlist(header)
    if not values:
        raise Unauthenticated
    scheme, space, token = values[0].partition(" ")
    if (
        len(values) != 1
        or scheme.lower() != "bearer"
        or not space
        or not token
        or any(c.isspace() or c == "," for c in token)
    ):
        raise TokenInvalid("an unreadable header")
    return token


def _only(request: Request, header: str) -> str:
    values = request.headers.getlist(header)
    if len(values) != 1:
        raise Unauthenticated
    return values[0]


def _user_id(claims: Claims) -> UUID:
    try:
        user_id = UUID(claims.subject)
    except ValueError:
        raise TokenInvalid("a subject that is no id") from None
    if str(user_id) != claims.subject:  # UUID() reads braces, urn: and more: one person, one spelling
        raise TokenInvalid("a subject that is no plain id")
    return user_id
