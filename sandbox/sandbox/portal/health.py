"""Whether each process of ours answers, asked at the moment somebody looks."""

import asyncio
from typing import Any

import httpx2


async def health_of(http: httpx2.AsyncClient, platform: dict[str, Any]) -> list[dict[str, Any]]:
    """Return for each service whether it and its worker are ready."""
    services: dict[str, dict[str, str]] = platform["services"]
    answers = await asyncio.gather(*(_both(http, name, service) for name, service in services.items()))
    return list(answers)


async def _both(http: httpx2.AsyncClient, name: str, service: dict[str, str]) -> dict[str, Any]:
    ready, worker = await asyncio.gather(
        _is_ready(http, service["ready_url"]), _is_ready(http, f"{service['worker_url']}/readyz")
    )
    return {"name": name, "ready": ready, "worker": worker}


async def _is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
