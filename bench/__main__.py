"""Runs every measurement, each in a process of its own: `python -m bench`."""

import subprocess
import sys
from argparse import ArgumentParser

_ALL = (
    "tokens",
    "middleware",
    "gate",
    "events",
    "webhooks",
    "reconcile",
    "unlock",
    "autocomplete",
    "gateway",
    "streams",
)


def main() -> int:
    """Return 0 when all of them ran; what they found is in their tables."""
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    return max(subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in _ALL)


if __name__ == "__main__":
    sys.exit(main())
