"""What joins topics and queues: who hears what, for how long, and what it costs to make it again."""

import subprocess
import sys

import orjson
import pytest

from common_events.sns import SnsPublisher
from common_events.sns_sqs import Listener, Topology, ensure_topology
from common_events.sqs import Queue
from common_events.testing_aws import Aws
from libs.common_events.tests.queueing import event, listening, names, nothing_is_left, take

pytestmark = pytest.mark.anyio


async def test_a_listener_gets_the_types_it_asked_for_raw(aws: Aws) -> None:
    choosy = Listener("story.access", ["kit"], ["kit.wanted", "kit.liked"])
    topology = ensure_topology(aws.sns, aws.sqs, prefix="t", sources=["kit"], listeners=[choosy])
    kinds = ["kit.wanted", "kit.other", "kit.liked"]
    await SnsPublisher(aws.sns, topology.topics).publish([event(n, kind=kind) for n, kind in enumerate(kinds)])
    assert names(await take(listening(aws, topology.queues["story.access"]), 2)) == ["k0", "k2"]
    assert await nothing_is_left(aws, topology.queues["story.access"])


async def test_making_the_topology_again_changes_nothing_but_what_changed(aws: Aws) -> None:
    def make(*types: str) -> Topology:
        listeners = [Listener("a", ["kit"], types)]
        return ensure_topology(aws.sns, aws.sqs, prefix="t", sources=["kit", "other"], listeners=listeners)

    first = make("kit.old")
    await SnsPublisher(aws.sns, first.topics).publish([event(1, kind="kit.old")])
    assert make("kit.new") == first
    await SnsPublisher(aws.sns, first.topics).publish([event(2, kind="kit.old"), event(3, kind="kit.new")])
    assert names(await take(listening(aws, first.queues["a"]), 2)) == ["k1", "k3"]
    found = aws.sns.list_subscriptions_by_topic(TopicArn=first.topics["kit"])["Subscriptions"]
    assert len(found) == 1


async def test_a_queue_keeps_events_for_14_days_and_takes_them_from_its_topics_alone(
    aws: Aws, topology: Topology, queue: Queue
) -> None:
    attributes = aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    [statement] = orjson.loads(attributes["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    heard = [topology.topics["kit"], topology.topics["other"]]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": heard}}
    assert attributes["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert orjson.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 50
    assert attributes["FifoThroughputLimit"] == "perMessageGroupId"


def test_who_uses_redis_does_not_load_boto3() -> None:
    code = "import sys, common_events.sns, common_events.sqs, common_events.sns_sqs; sys.exit('boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
