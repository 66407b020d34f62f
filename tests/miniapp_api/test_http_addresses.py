"""A client's address is what a trusted proxy says, and otherwise what the socket says."""

import pytest
from aiohttp.test_utils import make_mocked_request

from miniapp_api.addresses import TrustedProxies, counted_as


class Transport:
    """A socket whose other end is `peer`."""

    def __init__(self, peer: tuple[str, int] | None) -> None:
        self.peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.peer if name == "peername" else default


def seen_from(peer: str | None, forwarded: list[str], *, trusted: list[str]) -> str:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request = make_mocked_request("GET", "/", headers=dict(headers[:1])).clone(
        headers=headers, remote=peer if peer is not None else ""
    )
    return TrustedProxies(trusted).client_address(request)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        # Nobody is trusted: the header is the client's own claim.
        ("203.0.113.9", ["198.51.100.1"], [], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1"], [], "127.0.0.1"),
        # A peer that is no proxy of ours.
        ("203.0.113.9", ["198.51.100.1"], ["10.0.0.0/8"], "203.0.113.9"),
        # One proxy: what it appended is the last entry, what the client forged stands before it.
        ("10.0.0.1", ["198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        # Two proxies of ours.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], ["10.0.0.0/8"], "198.51.100.1"),
        # Forging a trusted address does not help: the proxy appends the real one.
        ("10.0.0.1", ["10.0.0.3, 198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        # Nothing, nonsense, or only ourselves.
        ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, <script>"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], ["10.0.0.0/8"], "10.0.0.2"),
        ("10.0.0.1", [","], ["10.0.0.1"], "10.0.0.1"),
        # IPv6, and IPv4 within it.
        ("::1", ["2001:db8::7"], ["::1"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("fe80::1%eth0", ["198.51.100.1"], ["fe80::/10"], "198.51.100.1"),
        ("", ["198.51.100.1"], ["10.0.0.0/8"], "unknown"),
    ],
)
def test_the_clients_address(peer: str, forwarded: list[str], trusted: list[str], client: str) -> None:
    assert seen_from(peer, forwarded, trusted=trusted) == client


def test_a_very_long_header_is_read_from_its_end_only() -> None:
    flood = ", ".join(["10.0.0.9"] * 100_000)
    assert seen_from("10.0.0.1", [f"198.51.100.1, {flood}"], trusted=["10.0.0.0/8"]) == "10.0.0.9"


def test_what_is_no_network_is_a_mistake_at_start() -> None:
    with pytest.raises(ValueError):
        TrustedProxies(["proxy.example"])


def test_one_owner_of_an_ipv6_network_counts_once() -> None:
    assert counted_as("2001:db8:1:2:aaaa::1") == counted_as("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert counted_as("2001:db8:1:3::1") != counted_as("2001:db8:1:2::1")
    assert counted_as("198.51.100.1") == "198.51.100.1"
    assert counted_as("unknown") == "unknown"
