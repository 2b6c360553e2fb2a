"""The order in which the platform comes up, and what each process of it is."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from sandbox.runner import databases
from sandbox.runner.addresses import Addresses
from sandbox.runner.catalogue import CHECKOUT, SERVICES, Service
from sandbox.runner.choices import Choices
from sandbox.runner.directory import RunDirectory
from sandbox.runner.environments import Environments, ServiceClient, alembic, python, read_clients
from sandbox.runner.probes import all_healthy, answering, get, listening, saying_yes
from sandbox.runner.record import describe
from sandbox.runner.supervisor import Part, Supervisor
from sandbox.servers import postgres, redis
from sandbox.servers.child import Command

SERVERS, WORLD, SERVICE, ALB = range(4)


class Platform:
    """Everything that `make run` starts, over one run directory."""

    def __init__(
        self,
        choices: Choices,
        addresses: Addresses,
        directory: RunDirectory,
        secrets: Mapping[str, str],
        supervisor: Supervisor,
    ) -> None:
        self._choices = choices
        self._addresses = addresses
        self._directory = directory
        self._passwords = {service.role: secrets[service.role] for service in SERVICES}
        self._environments = Environments(choices, addresses, directory, secrets)
        self._supervisor = supervisor

    async def start(self) -> dict[str, Any]:
        """Start all, side by side where nothing stands between them; return what platform.json says."""
        await together(self._database(), self._redis(), self._world())
        clients = await self._service_clients()
        processes = [self._service(service, clients) for service in SERVICES]
        processes += [self._worker(service, clients) for service in SERVICES]
        await together(*processes, self._alb())
        document = self._record()
        await self._seed()
        return document

    async def _database(self) -> None:
        if self._choices.database_url:
            await asyncio.to_thread(databases.check_database, self._choices.database_url)
        else:
            port = self._addresses.ports["postgres"]
            command = await asyncio.to_thread(postgres.postgres_command, self._directory.path / "postgres", port)
            await self._supervisor.start(Part("postgres", command, SERVERS, saying_yes(lambda: postgres.answers(port))))
            await asyncio.to_thread(postgres.ensure_database, port)
        await self._migrate()

    async def _migrate(self) -> None:
        late = await asyncio.to_thread(databases.behind, self._addresses, self._passwords)
        if not late:
            return
        environment = self._environments.migrations()
        provisioning = Command(python("common_service.provisioning"), env=environment)
        await self._supervisor.run("provisioning", provisioning, databases.tenants(self._passwords))
        commands = {service: Command(alembic(service.folder), service.folder, environment) for service in late}
        await together(*(self._supervisor.run(f"{s.name}-migration", command) for s, command in commands.items()))

    async def _redis(self) -> None:
        url = self._addresses.redis_url
        if self._choices.redis_url:
            await asyncio.to_thread(databases.check_redis, url)
            return
        command = redis.redis_command(self._directory.path / "redis", self._addresses.ports["redis"])
        await self._supervisor.start(Part("redis", command, SERVERS, saying_yes(lambda: redis.answers(url))))

    async def _world(self) -> None:
        ports = [self._addresses.ports[app] for app in self._choices.apps] + [self._addresses.ports["mail_smtp"]]
        command = Command(python("sandbox.world"), CHECKOUT, self._environments.world())
        await self._supervisor.start(Part("sandbox", command, WORLD, listening(*ports), patience=60))

    async def _service_clients(self) -> Mapping[str, ServiceClient]:
        """Learn the machine-to-machine clients from the sandbox's pool, else from the file that the person names."""
        if not self._choices.cognito_is_ours:
            named = Path(self._choices.given["SERVICE_CLIENTS_FILE"])
            return read_clients(await asyncio.to_thread(named.read_bytes), f"SERVICE_CLIENTS_FILE ({named})")
        _status, body = await get(f"{self._addresses.at('cognito')}/_sandbox/clients")
        self._directory.write_clients(body)
        return read_clients(body, "The Cognito sandbox")

    async def _service(self, service: Service, clients: Mapping[str, ServiceClient]) -> None:
        command = Command(python(f"{service.package}.main"), CHECKOUT, self._environments.service(service, clients))
        probe = answering(f"{self._addresses.at(service.name)}/readyz")
        await self._supervisor.start(Part(service.name, command, SERVICE, probe))

    async def _worker(self, service: Service, clients: Mapping[str, ServiceClient]) -> None:
        environment = self._environments.service(service, clients, worker=True)
        command = Command(python(f"{service.package}.worker"), CHECKOUT, environment)
        probe = answering(f"{self._addresses.at(service.worker)}/readyz")
        await self._supervisor.start(Part(service.worker, command, SERVICE, probe))

    async def _alb(self) -> None:
        command = Command(python("sandbox.alb.__main__"), CHECKOUT, self._environments.alb())
        probe = all_healthy(f"{self._addresses.at('alb_status')}/_alb/health")
        await self._supervisor.start(Part("alb", command, ALB, probe, patience=60))

    def _record(self) -> dict[str, Any]:
        pids = {"run": os.getpid(), **self._supervisor.pids}
        file = self._directory.clients_file
        if not self._choices.cognito_is_ours:
            file = Path(self._choices.given["SERVICE_CLIENTS_FILE"])
        document = describe(self._choices, self._addresses, self._passwords, file, pids)
        self._directory.record(document)
        return document

    async def _seed(self) -> None:
        """Give the seeded people their profiles and the subscriber a subscription, through the real flow, once."""
        if not self._choices.cognito_is_ours or not self._choices.stripe_is_ours or self._directory.is_done("seed"):
            return
        command = Command(python("sandbox.demo.seed"), CHECKOUT, self._environments.seed())
        await self._supervisor.run("seed", command)
        self._directory.set_done("seed")


async def together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run `steps` side by side; the first failure cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
