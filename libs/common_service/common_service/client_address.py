"""Where a request comes from, as the load balancer says it."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request


def client_address(request: Request, hops: int = 1) -> str:
    """Return the address that counts as one client: an IPv4 address, or the /64 network that an IPv6 user is given.

    Each proxy appends to X-Forwarded-For whom it heard; what stands before the last `hops` entries anybody may have
    written. Without a readable entry it is the peer's own address, and "unknown" without a peer.
    """
    named = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    entry = named[-hops] if len(named) >= hops else ""
    peer = request.client.host if request.client else ""
    return _network(entry) or _network(peer) or "unknown"


def _network(text: str) -> str:
    try:
        address = ip_address(_without_port(text.strip()))
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))


def _without_port(text: str) -> str:
    """Return the address of `192.0.2.1:4711` and `[2001:db8::1]:4711`: the load balancer may be told to add ports."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
