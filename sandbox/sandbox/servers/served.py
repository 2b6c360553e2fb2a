"""For tests: an application really served, from a thread, for as long as a block lasts."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

_PATIENCE = 30.0


@contextmanager
def served(app: ASGIApp, port: int) -> Iterator[str]:
    """Serve on `port` of the loopback address; yield where. RuntimeError when it does not come up."""
    config = uvicorn.Config(app, port=port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"served on {port}")
    thread.start()
    ends_at = time.monotonic() + _PATIENCE
    try:
        while not server.started:
            if not thread.is_alive() or time.monotonic() > ends_at:
                raise RuntimeError("the server did not come up")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
