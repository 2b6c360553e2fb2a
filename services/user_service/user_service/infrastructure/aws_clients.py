"""Clients of AWS with deadlines. boto3 is imported when the first one is made: it costs 0.3 s."""

from typing import Any


def aws_client(service: str, *, region: str) -> Any:
    """Return a client that threads may share; credentials and `AWS_ENDPOINT_URL_…` come from where boto3 looks.

    It asks once: whoever asked repeats, and knows whether that is safe.
    """
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=8,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=10,
    )
    make: Any = Session(region_name=region).client  # a session of its own: the default one is not thread-safe
    return make(service, config=config)
