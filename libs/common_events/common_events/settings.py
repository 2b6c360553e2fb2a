"""Which transport a service's events take, and where its topic and queues are."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common_service.settings import ServiceSettings, is_local


class QueueAddress(BaseModel):
    """Where a consumer's events are, and where those go that no process outlives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1)
    dead_letters_url: str = Field(min_length=1)


class EventSettings(ServiceSettings):
    """The settings of a service that tells or hears events; it names its `source` and its `consumers`.

    `EVENT_BUS` is `redis` (streams in `REDIS_URL`) or `sns_sqs` in `AWS_REGION`. The latter needs `EVENT_TOPIC_ARN`,
    the topic of this service's source, and `EVENT_QUEUES`, a JSON object: consumer -> {"url", "dead_letters_url"}.
    A service that lacks one of them does not start, wherever it runs.
    """

    source: ClassVar[str] = ""
    consumers: ClassVar[tuple[str, ...]] = ()

    event_bus: Literal["redis", "sns_sqs"] = "redis"
    event_topic_arn: str = ""
    event_queues: dict[str, QueueAddress] = Field(default_factory=dict)

    @model_validator(mode="after")
    def refuse_a_bus_without_addresses(self) -> Self:
        """Name the setting that SNS and SQS cannot do without."""
        if self.event_bus == "sns_sqs":
            if self.source and not self.event_topic_arn:
                raise ValueError(f"EVENT_TOPIC_ARN is missing: the topic of {self.source}")
            for consumer in self.consumers:
                if consumer not in self.event_queues:
                    raise ValueError(f"EVENT_QUEUES has no queue for {consumer}")
        return self

    def production_faults(self) -> dict[str, bool]:
        """Add addresses that only a laptop has."""
        topic, queues = self.event_topic_arn, self.event_queues.values()
        return super().production_faults() | {
            "event_topic_arn": bool(topic) and not topic.startswith("arn:aws"),
            "event_queues": any(is_local(url) for queue in queues for url in (queue.url, queue.dead_letters_url)),
        }
