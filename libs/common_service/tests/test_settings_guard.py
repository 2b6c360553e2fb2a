"""Which addresses production refuses."""

import pytest

from common_service.settings_guard import is_far_end, is_fit_database, is_fit_redis, is_local


@pytest.mark.parametrize(
    "url",
    [
        *("", "nonsense", "http://[::1", "postgresql:///truecrime?host=/tmp"),
        *("http://localhost:1", "http://LOCALHOST", "http://localhost./", "http://stripe.localhost:9000"),
        *("http://127.0.0.1", "http://127.1.2.3:80", "http://0.0.0.0", "http://[::1]:80", "http://[::ffff:127.0.0.1]"),
        *("http://169.254.169.254/latest", "https://user:password@127.0.0.1/", "http://host.docker.internal:9000"),
        *("http://sandbox:9000", "https://sandbox.truecrime.internal"),
        "postgresql://svc:word@db.internal:5432,127.0.0.1:5433/truecrime",
    ],
)
def test_this_machine_and_the_sandbox_are_local(url: str) -> None:
    assert is_local(url)
    assert not is_far_end(url)
    assert not is_fit_database(url)


@pytest.mark.parametrize("url", ["https://truecrime.example", "https://10.0.3.7:8443/x", "https://[2001:db8::7]"])
def test_what_lies_elsewhere_is_not(url: str) -> None:
    assert not is_local(url)
    assert is_far_end(url)


def test_a_local_address_is_not_hidden_by_what_stands_around_it() -> None:
    assert not is_local("https://truecrime.example/127.0.0.1/localhost")
    assert is_local("https://truecrime.example@127.0.0.1/")


def test_a_far_end_is_spoken_to_over_tls() -> None:
    assert not is_far_end("http://truecrime.example")


@pytest.mark.parametrize(
    ("url", "is_fit"),
    [
        ("postgresql://svc_story:8sDk2@db.internal/truecrime", True),
        ("postgresql://svc_story:8sDk2@db.internal/truecrime?sslmode=verify-full", True),
        ("postgresql://svc_story:8sDk2@db.internal/truecrime?sslmode=disable", False),
        ("postgresql://svc_story:8sDk2@db.internal/truecrime?sslmode=allow", False),
        ("postgresql://svc_story:svc_story@db.internal/truecrime", False),  # as compose files like to have it (B53)
        ("postgresql://svc_story@db.internal/truecrime", True),  # the password may be elsewhere
    ],
)
def test_a_database_wants_tls_and_a_password_of_its_own(url: str, *, is_fit: bool) -> None:
    assert is_fit_database(url) is is_fit


def test_redis_wants_tls() -> None:
    assert is_fit_redis("rediss://:word@cache.internal:6379/0")
    assert not is_fit_redis("redis://cache.internal:6379/0")
    assert not is_fit_redis("rediss://127.0.0.1:6379/0")
