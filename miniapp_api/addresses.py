"""Where a request really comes from. Forwarded addresses count only when a trusted proxy says them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"
MAX_HOPS = 16


class TrustedProxies:
    """The networks whose `X-Forwarded-For` is believed; none by default."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """`networks`: addresses or CIDR blocks. Raises ValueError for anything else."""
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def client_address(self, request: web.Request) -> str:
        """The client's address in one spelling, `unknown` on a socket without one.

        The header is read from the right: each entry was written by the hop before it, so the first one that is no
        trusted proxy is the client, and whatever the client itself put further left is not looked at.
        """
        remote = request.remote
        if not self._networks:
            return remote or UNKNOWN
        address = _parse(remote or "")
        if address is None:
            return UNKNOWN
        if not self._trusts(address):
            return str(address)
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        for hop in reversed(forwarded.split(",")[-MAX_HOPS:] if forwarded else []):
            said = _parse(hop.strip())
            if said is None:
                break
            address = said
            if not self._trusts(said):
                break
        return str(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)


def counted_as(address: str) -> str:
    """The unit that limits count: an IPv4 address, or the /64 of an IPv6 one, which a single client owns whole."""
    if ":" not in address:
        return address
    parsed = _parse(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed or UNKNOWN)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
