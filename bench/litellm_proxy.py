"""The LiteLLM proxy in an environment of its own (.run/bench/litellm), made at its first use, with keys and limits.

Its own virtual keys are rows behind Prisma, whose query engine is a download of its own. Keys are checked here by its
documented hook `custom_auth`, which gives each its limits; its limiter counts them in memory. That costs it less.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.platform import ROOT, Ground, Process, serving
from sandbox.servers.ports import free_port
from tools.bootstrap import UV_REQUIREMENT
from tools.installers import CannotInstall, find_installer, run, start_log

KEY = "sk-of-this-run"
VERSION = "1.106.2"
_FOLDER = ROOT / ".run" / "bench" / "litellm"
_AUTH = """
from litellm.proxy._types import UserAPIKeyAuth


async def check(request, api_key: str) -> UserAPIKeyAuth:
    if api_key != "{key}":
        raise ValueError("unknown key")
    return UserAPIKeyAuth(
        api_key="of-this-run", user_id="reader", rpm_limit=10**8, tpm_limit=10**10, max_parallel_requests=1000
    )
"""
_CONFIG = """
model_list:
  - model_name: gpt-5-mini
    litellm_params: {{model: openai/gpt-5-mini, api_base: "{world}/v1", api_key: of-this-run}}
general_settings: {{custom_auth: checking.check}}
litellm_settings: {{request_timeout: 60, telemetry: false}}
"""


class NoProxy(Exception):
    """It cannot be had here; the message says why."""


@contextmanager
def litellm(place: Ground) -> Iterator[Process]:
    """Run the proxy with one worker. Raises NoProxy."""
    try:
        _install()
    except (CannotInstall, OSError) as error:
        raise NoProxy(str(error)) from None
    (place.logs / "checking.py").write_text(_AUTH.format(key=KEY))
    config = place.logs / "litellm.yaml"
    config.write_text(_CONFIG.format(world=place.world.url))
    port = free_port()
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(place.logs),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it asks the network for prices
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_MASTER_KEY": "sk-the-master-of-this-run-0123456789",
        "LITELLM_LOG": "ERROR",
    }
    words = [str(_FOLDER / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with serving([*words, "--num_workers", "1"], own, port, "/health/liveliness", place.logs / "litellm.log") as proxy:
        yield proxy


def _install() -> None:
    python = _FOLDER / "bin" / "python"
    found = "import importlib.metadata as m; print(m.version('litellm'))"
    if python.exists():
        done = subprocess.run([str(python), "-c", found], capture_output=True, text=True, check=False)
        if done.stdout.strip() == VERSION:
            return
    print(f"Installing litellm[proxy] {VERSION} into {_FOLDER.relative_to(ROOT)}", flush=True)
    _FOLDER.parent.mkdir(parents=True, exist_ok=True)
    start_log()
    installer = find_installer(UV_REQUIREMENT)
    run([*installer.venv(_interpreter()), str(_FOLDER)])
    run([*installer.install(str(python)), f"litellm[proxy]=={VERSION}"])


def _interpreter() -> str:
    import sys

    return str(Path(getattr(sys, "_base_executable", sys.executable)))
