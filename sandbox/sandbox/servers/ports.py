"""Free ports on the loopback address."""

import random
import socket
from collections.abc import Collection

# Below what systems hand out for outgoing connections, so that a port written down yesterday is still free today.
_OURS = range(18000, 32000)
_claimed: set[int] = set()


def free_port(beside: Collection[int] = ()) -> int:
    """Return a TCP port of 127.0.0.1 that nothing uses, that is none of `beside`, and claim it."""
    for port in random.sample(_OURS, 400):
        if port not in _claimed and port not in beside and is_free(port) and claim(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def claim(port: int) -> bool:
    """Keep other processes that ask here away from `port` until this one ends; False where another was faster.

    Between the choice of a port and the moment when a server listens on it lie seconds, in which another platform may
    choose it too. The claim is the UDP port of the same number: the kernel gives it to one process and takes it back
    from one that was killed.
    """
    if port in _claimed:
        return True
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", port))
    except OSError:
        mark.close()
        return False
    mark.detach()  # open as long as the process
    _claimed.add(port)
    return True


def is_free(port: int) -> bool:
    """Tell whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
