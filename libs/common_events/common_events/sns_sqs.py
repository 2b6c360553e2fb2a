"""Makes topics, queues and what joins them, for tests and local use: in AWS Terraform does, to the same rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from common_events.aws_clients import Sns, Sqs
from common_events.sqs import Queue

_KEPT_SECONDS = 14 * 24 * 3600  # the most there is
_RECEIVES = 50  # a database that comes and goes must not wear an event out; a process that dies of one must


@dataclass(frozen=True, slots=True)
class Listener:
    """A consumer, the sources it hears, and the event types it wants of them: all, if none are named."""

    consumer: str
    sources: Sequence[str]
    types: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """The topic's ARN for each source, and each consumer's queue."""

    topics: Mapping[str, str]
    queues: Mapping[str, Queue]


def ensure_topology(
    sns: Sns,
    sqs: Sqs,
    *,
    prefix: str,
    sources: Sequence[str],
    listeners: Sequence[Listener],
    visibility_seconds: int = 30,
    receives: int = _RECEIVES,
) -> Topology:
    """Make what is missing and set right what is there. Blocks: call it in a thread. Raises what boto3 raises.

    What was received stays hidden for `visibility_seconds`; after `receives` times it goes to the dead letters.
    """
    topics = {source: _topic(sns, f"{prefix}-{source}.fifo") for source in sources}
    queues = {}
    for listener in listeners:
        heard = [topics[source] for source in listener.sources]
        name = f"{prefix}-{listener.consumer.replace('.', '-')}"
        dead_url, dead_arn = _queue(sqs, f"{name}-dead.fifo", heard, {})
        redrive = orjson.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": receives}).decode()
        attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": str(visibility_seconds)}
        url, arn = _queue(sqs, f"{name}.fifo", heard, attributes)
        for topic in heard:
            _subscribe(sns, topic, arn, dead_arn, listener.types)
        queues[listener.consumer] = Queue(url, dead_url)
    return Topology(topics, queues)


def _topic(sns: Sns, name: str) -> str:
    arn = str(sns.create_topic(Name=name, Attributes={"FifoTopic": "true"})["TopicArn"])
    sns.set_topic_attributes(TopicArn=arn, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup")
    return arn


def _queue(sqs: Sqs, name: str, topics: Sequence[str], attributes: Mapping[str, str]) -> tuple[str, str]:
    url = str(sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"])
    arn = str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
    fast = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            **fast,
            **attributes,
            "MessageRetentionPeriod": str(_KEPT_SECONDS),
            "ReceiveMessageWaitTimeSeconds": "20",
            "Policy": _policy(arn, topics),
        },
    )
    return url, arn


def _policy(queue: str, topics: Sequence[str]) -> str:
    """Let only these topics send; AWS lets the account's own roles do what their own policies allow."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topics)}},
    }
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()


def _subscribe(sns: Sns, topic: str, queue: str, dead: str, types: Sequence[str]) -> None:
    attributes = {
        "RawMessageDelivery": "true",
        "FilterPolicy": orjson.dumps({"type": sorted(types)} if types else {}).decode(),
        "RedrivePolicy": orjson.dumps({"deadLetterTargetArn": dead}).decode(),
    }
    found = _subscription(sns, topic, queue)
    if found is None:  # with its attributes at once: nothing shall come unfiltered in between
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)
        return
    for name, value in attributes.items():
        sns.set_subscription_attributes(SubscriptionArn=found, AttributeName=name, AttributeValue=value)


def _subscription(sns: Sns, topic: str, queue: str) -> str | None:
    page: dict[str, str] = {}
    while True:
        answer = sns.list_subscriptions_by_topic(TopicArn=topic, **page)
        for subscription in answer["Subscriptions"]:
            if subscription["Endpoint"] == queue:
                return str(subscription["SubscriptionArn"])
        if not answer.get("NextToken"):
            return None
        page = {"NextToken": answer["NextToken"]}
