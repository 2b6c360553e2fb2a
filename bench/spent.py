"""What processes cost, as the kernel counts it: seconds of CPU and megabytes of memory, of one or of a whole family."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int, *, family: bool = False) -> float:
    """Return the CPU time of a process since its start; with `family`, of its children too, living and ended."""
    fields = _fields(pid)
    total = sum(map(int, fields[11:15] if family else fields[11:13])) / _TICK
    if family:
        total += sum(cpu_seconds(child) for child in _children(pid))
    return total


def memory_megabytes(pid: int) -> float:
    """Return what a process holds in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has ended")


def _fields(pid: int) -> list[str]:
    """Return the fields of its line behind the name, which may contain anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
