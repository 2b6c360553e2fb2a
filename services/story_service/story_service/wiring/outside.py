"""What a process holds open towards the world: the adapters that the settings choose."""

from dataclasses import dataclass

from redis.asyncio import Redis

from common_auth.gate import AccessGate
from common_auth.shared_access import SharedAccess
from common_auth.surroundings import Surroundings, surroundings
from common_service.clock import utc_now
from story_service.application.ports import Moderator
from story_service.application.release import Mode
from story_service.infrastructure.moderators import NoModerator, OpenAIModerator
from story_service.infrastructure.openai_client import OpenAIClient, ProviderClients
from story_service.infrastructure.openai_writer import OpenAIWriter
from story_service.infrastructure.subscriptions import GateSubscriptions
from story_service.infrastructure.work import SqlStoryWork
from story_service.settings import Settings
from story_service.wiring.chat import chat_kinds
from story_service.wiring.use_cases import Ports


@dataclass(frozen=True, slots=True)
class Outside:
    """What a process holds open towards the world."""

    around: Surroundings
    redis: Redis
    openai: OpenAIClient
    clients: ProviderClients
    gate: AccessGate
    ports: Ports

    async def close(self) -> None:
        """Let go of every connection."""
        await self.clients.close()
        await self.redis.aclose()
        await self.around.close()


def outside(settings: Settings) -> Outside:
    """Choose the adapters. Nothing is opened yet."""
    around, patience = surroundings(settings, settings.group_permissions), settings.access_timeout_seconds
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    gate = AccessGate(
        settings.payment_base_url,
        around.tokens,
        around.http,
        utc_now,
        timeout_seconds=patience,
        shared=SharedAccess(redis),
    )
    client = OpenAIClient(settings.openai_base_url, settings.openai_api_key.get_secret_value())
    keys = settings.provider_keys
    clients = ProviderClients(client, keys)
    policy = settings.moderator
    mode = Mode(policy.policy)
    moderator: Moderator = NoModerator()
    if mode is not Mode.OFF:
        moderator = OpenAIModerator(
            client, model=policy.model, policy_version=policy.policy_version, thresholds=policy.thresholds
        )
    ports = Ports(
        start_work=lambda: SqlStoryWork(around.database),
        subscriptions=GateSubscriptions(gate, settings.plans),
        writer=OpenAIWriter(clients),
        keys=frozenset(keys),
        moderator=moderator,
        mode=mode,
        more_kinds=chat_kinds(utc_now),
        start_reading=lambda: SqlStoryWork(around.database, reads=True),
    )
    return Outside(around, redis, client, clients, gate, ports)
