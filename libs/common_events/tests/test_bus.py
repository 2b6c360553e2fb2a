"""Which transport the settings name, and what they must hold for it."""

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from common_events.bus import event_bus
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.settings import EventSettings
from common_events.sns import SnsPublisher
from common_events.sqs import SqsSubscription
from common_service.testing import NOWHERE

pytestmark = pytest.mark.anyio
TOPIC = "arn:aws:sns:eu-west-2:123456789012:kit.fifo"
QUEUE = {"url": "https://sqs.eu-west-2.amazonaws.com/1/c.fifo", "dead_letters_url": "https://sqs/1/c-dead.fifo"}
OVER_AWS: dict[str, Any] = {"event_bus": "sns_sqs", "event_topic_arn": TOPIC, "event_queues": {"kit.c": QUEUE}}


class Settings(EventSettings):
    source: ClassVar[str] = "kit"
    consumers: ClassVar[tuple[str, ...]] = ("kit.c",)


async def test_without_a_word_events_go_over_redis() -> None:
    bus = event_bus(Settings(**NOWHERE))
    assert isinstance(bus.publisher(), RedisPublisher)
    assert isinstance(bus.subscription("kit.c", ["other"]), RedisSubscription)
    await bus.close()


@pytest.mark.usefixtures("aws")
async def test_the_environment_can_name_sns_and_sqs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS", "sns_sqs")
    monkeypatch.setenv("EVENT_TOPIC_ARN", TOPIC)
    monkeypatch.setenv("EVENT_QUEUES", f'{{"kit.c": {{"url": "{QUEUE["url"]}", "dead_letters_url": "https://d"}}}}')
    bus = event_bus(Settings(**NOWHERE))
    assert isinstance(bus.publisher(), SnsPublisher)
    assert isinstance(bus.subscription("kit.c", ["other"]), SqsSubscription)
    await bus.close()


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"event_topic_arn": ""}, "EVENT_TOPIC_ARN is missing: the topic of kit"),
        ({"event_queues": {}}, "EVENT_QUEUES has no queue for kit.c"),
        ({"event_queues": {"kit.c": {"url": "https://sqs/1"}}}, "dead_letters_url"),
    ],
)
def test_a_bus_without_addresses_is_refused_by_the_name_of_what_is_missing(lacking: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(**NOWHERE | OVER_AWS | lacking)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_topic_arn", "kit"),
        ("event_queues", {"kit.c": QUEUE | {"dead_letters_url": "http://127.0.0.1:5000/1/d"}}),
    ],
)
def test_production_refuses_addresses_of_a_laptop(name: str, value: Any) -> None:
    assert not Settings(**NOWHERE | OVER_AWS).production_faults()[name]
    assert Settings(**NOWHERE | OVER_AWS | {name: value}).production_faults()[name]
