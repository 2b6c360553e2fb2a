"""The few operations of SNS and SQS that events need. boto3 is imported when the first client is made."""

from typing import Any, Protocol, cast

_ANSWER_SECONDS = 25  # a long poll takes up to 20


class Sns(Protocol):
    """A boto3 client of SNS, which threads may share."""

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        """Publish at most 10 messages."""
        ...

    def create_topic(self, **request: Any) -> dict[str, Any]:
        """Make a topic, or find it."""
        ...

    def set_topic_attributes(self, **request: Any) -> Any:
        """Set one attribute of a topic."""
        ...

    def list_subscriptions_by_topic(self, **request: Any) -> dict[str, Any]:
        """Return a page of a topic's subscriptions."""
        ...

    def subscribe(self, **request: Any) -> dict[str, Any]:
        """Subscribe a queue to a topic."""
        ...

    def set_subscription_attributes(self, **request: Any) -> Any:
        """Set one attribute of a subscription."""
        ...


class Sqs(Protocol):
    """A boto3 client of SQS, which threads may share."""

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Take at most 10 messages."""
        ...

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        """Delete at most 10 messages."""
        ...

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        """Say how long at most 10 messages stay hidden from now."""
        ...

    def send_message(self, **request: Any) -> dict[str, Any]:
        """Send one message."""
        ...

    def create_queue(self, **request: Any) -> dict[str, Any]:
        """Make a queue, or find it."""
        ...

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        """Return attributes of a queue."""
        ...

    def set_queue_attributes(self, **request: Any) -> Any:
        """Set attributes of a queue."""
        ...


def sns_client(*, region: str) -> Sns:
    """Return a client of SNS; credentials and `AWS_ENDPOINT_URL` come from where boto3 finds them."""
    return cast("Sns", _client("sns", region))


def sqs_client(*, region: str) -> Sqs:
    """Return a client of SQS; credentials and `AWS_ENDPOINT_URL` come from where boto3 finds them."""
    return cast("Sqs", _client("sqs", region))


def _client(service: str, region: str) -> object:
    from boto3.session import Session  # 0.3 s that only a process in AWS pays
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=_ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=20,
        tcp_keepalive=True,
    )
    make: Any = Session(region_name=region).client  # a session of its own: the default one is not thread-safe
    return cast("object", make(service, config=config))
