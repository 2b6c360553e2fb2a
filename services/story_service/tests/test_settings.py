"""What may be set, and what production refuses."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from common_service.testing import NOWHERE
from story_service.main import create_app
from story_service.settings import Settings
from story_service.wiring.worker import background

LOCAL = NOWHERE | {"openai_api_key": "none"}


def test_the_application_is_built_without_any_network() -> None:
    paths = create_app(Settings(**LOCAL)).openapi()["paths"]
    assert "/story/v1/generations/{generation_id}/events" in paths
    assert "/story/v1/stories/{story_id}" in paths


def test_the_worker_relays_listens_sweeps_purges_and_prunes() -> None:
    relay, *others = [job.name for job in background(Settings(**LOCAL)).jobs]
    assert relay.startswith("relay")
    assert others == [
        "consumer-story.access",
        "sweep-generations",
        "release-reservations",
        "purge-logs",
        "purge-stories",
        "purge-conversations",
        "forget-viewers",
        "forget-removed-entries",
        "count-views",
        "recheck-stories",
        "erase-readers",
        "events-pruning",
        "idempotency-pruning",
    ]


def test_the_policy_is_json_or_the_path_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"policy": "concurrent", "thresholds": {}}')
    assert Settings(**LOCAL, content_moderator_config=str(file)).moderator.policy == "concurrent"
    assert Settings(**LOCAL).moderator.policy == "hold_back"


@pytest.mark.parametrize("wrong", ['{"policy": "maybe"}', '{"polcy": "off"}', "/no/such/file", "{"])
def test_a_policy_that_does_not_fit_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValidationError, match="content_moderator_config"):
        Settings(**LOCAL, content_moderator_config=wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("openai_api_key", ""),
        ("openai_base_url", "http://127.0.0.1:9/v1"),
        ("payment_base_url", "http://localhost:1"),
        ("content_moderator_config", '{"policy": "off"}'),
    ],
)
def test_production_names_what_it_refuses(name: str, value: str) -> None:
    settings = {"openai_api_key": "sk-x", "payment_base_url": "http://payment.internal", **LOCAL, name: value}
    faults = Settings(**settings).production_faults()
    assert faults[name]
    assert not [other for other in ("openai_api_key", "payment_base_url") if other != name and faults[other]]
