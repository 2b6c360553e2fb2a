"""How the platform ends: in good order when asked, altogether when a part dies, and without orphans when killed."""

import os
import signal
from contextlib import ExitStack

import httpx2
import pytest

from tests.lifecycle.conftest import Checkout, alive, wait_for

pytestmark = pytest.mark.timeout(900)


def test_a_killed_runner_leaves_no_orphan_and_the_next_start_recovers(checkout: Checkout) -> None:
    killed = checkout.running()
    before = killed.platform()
    children = killed.descendants()
    assert len(children) >= 12  # Postgres, Redis, the sandbox, four services, four workers, the load balancer
    killed.process.kill()
    killed.process.wait()
    assert wait_for(lambda: not alive(children), 5), alive(children)

    run = checkout.running()
    after = run.platform()
    assert after["runner_pid"] == run.process.pid
    assert after["services"] == before["services"]
    assert httpx2.get(f"{after['web']}/user/v1/me").status_code == 401


def test_ctrl_c_stops_all_within_five_seconds_although_somebody_listens(checkout: Checkout) -> None:
    run = checkout.running()
    children = run.descendants()
    with ExitStack() as stack:
        for _ in range(3):
            answer = stack.enter_context(httpx2.stream("GET", f"{run.platform()['web']}/_sandbox/events"))
            assert answer.status_code == 200
        seconds = run.stop()
    assert seconds <= 5, run.said()[-2000:]
    assert run.process.returncode == 0
    assert alive(children) == set()
    assert not run.file.exists()
    assert "Traceback" not in run.said()


def test_a_part_that_dies_stops_the_rest_and_is_named(checkout: Checkout) -> None:
    run = checkout.running()
    children = run.descendants()
    os.kill(run.platform()["pids"]["story-worker"], signal.SIGKILL)
    assert run.ends() <= 6, run.said()[-2000:]
    assert run.process.returncode == 1
    assert "story-worker was ended by SIGKILL" in run.said()
    assert alive(children) == set()


def test_ctrl_c_while_it_starts_is_heard(checkout: Checkout) -> None:
    run = checkout.start()
    assert wait_for(lambda: len(run.descendants()) > 2, 20)
    children = run.descendants()
    assert run.stop() <= 5, run.said()[-2000:]
    assert run.process.returncode == 0
    assert alive(children) == set()
