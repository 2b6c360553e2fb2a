"""Writes contracts/openapi/*.json from the code of the four services; `--check` only tells whether they differ."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts" / "openapi"
SERVICES = ("user", "story", "payment", "admin")
_SETTINGS = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "redis_url": "redis://127.0.0.1:1/0",
    "cognito_issuer": "https://issuer.invalid",
    "cognito_jwks_url": "https://issuer.invalid/.well-known/jwks.json",
    "cognito_client_id": "web",
    "stripe_api_key": "none",
    "stripe_webhook_secret": "none",
    "openai_api_key": "none",
}


def contract_of(service: str) -> dict[str, Any]:
    """Return the OpenAPI document of a service, built without any network."""
    settings = importlib.import_module(f"{service}_service.settings").Settings(**_SETTINGS)
    document: dict[str, Any] = importlib.import_module(f"{service}_service.main").create_app(settings).openapi()
    return document


def written(document: dict[str, Any]) -> str:
    """Return a contract as its file has it."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write, or compare with `--check`; name each contract that differed."""
    only_check = "--check" in sys.argv[1:]
    stale = []
    CONTRACTS.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        file, text = CONTRACTS / f"{service}.json", written(contract_of(service))
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file.name)
            if not only_check:
                file.write_text(text, encoding="utf-8")
    if stale:
        print(("differ from the code: " if only_check else "written: ") + ", ".join(stale))
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
