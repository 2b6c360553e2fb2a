"""Which addresses must not reach production: this machine's, a sandbox's, and those that anybody may read along."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import parse_qsl, urlsplit

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "host.docker.internal", "sandbox"})
_NO_TLS = frozenset({"disable", "allow"})


def is_local(url: str) -> bool:
    """Tell whether an address is missing, unreadable, or lies on this machine or in a sandbox."""
    try:
        authority = urlsplit(url).netloc.rpartition("@")[2]
        hosts = [urlsplit(f"//{part}").hostname or "" for part in authority.split(",")]  # Postgres takes several
    except ValueError:
        return True
    return any(_is_local_host(host) for host in hosts)


def is_far_end(url: str) -> bool:
    """Tell whether an address is one of the internet's, spoken to over TLS."""
    return url.startswith("https://") and not is_local(url)


def is_fit_database(url: str) -> bool:
    """Tell whether a Postgres address is remote, does not refuse TLS, and has a password that is no one's name."""
    if is_local(url):
        return False
    parts = urlsplit(url)
    account, _, _ = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    modes = {value for name, value in parse_qsl(parts.query) if name == "sslmode"}
    return modes.isdisjoint(_NO_TLS) and (not password or password != user)


def is_fit_redis(url: str) -> bool:
    """Tell whether a Redis address is remote and over TLS: facts about people and counters of theirs travel there."""
    return url.startswith("rediss://") and not is_local(url)


def _is_local_host(host: str) -> bool:
    name = host.rstrip(".").lower()
    if not name or name in _LOCAL_NAMES or name.endswith(".localhost") or name.split(".", 1)[0] == "sandbox":
        return True
    try:
        address: IPv4Address | IPv6Address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified or address.is_link_local
