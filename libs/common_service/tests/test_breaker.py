"""When a failing peer is left alone, and when it is asked again (reliability.md)."""

from common_service.breaker import CircuitBreaker, RetryBudget


def test_the_breaker_opens_at_half_of_twenty_calls_in_ten_seconds() -> None:
    now = 0.0
    breaker = CircuitBreaker(lambda: now)

    def opens() -> bool:
        return breaker.is_open

    for n in range(19):
        breaker.record(succeeded=n % 2 == 0)
    assert not opens()
    now = 10.0
    for n in range(30):
        breaker.record(succeeded=n % 3 != 0)
    assert not opens()
    for _ in range(30):
        breaker.record(succeeded=False)
    assert opens()
    assert not breaker.allows()
    now = 15.0
    assert breaker.allows()
    assert not breaker.allows()
    breaker.record(succeeded=False)
    assert opens()
    now = 20.0
    assert breaker.allows()
    breaker.record(succeeded=True)
    assert not opens()


def test_a_tenth_of_the_calls_may_be_made_again() -> None:
    budget = RetryBudget(2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(11):
        budget.call()
    assert [budget.take() for _ in range(2)] == [True, False]
    for _ in range(100):
        budget.call()
    assert [budget.take() for _ in range(3)] == [True, True, False], "no more is saved than there was at first"
