"""Where Karya may connect to: pure decisions about addresses and host names.

Jobs name URLs, so anybody who may submit one could otherwise reach what only Karya's machines reach:
loopback, private networks, and the metadata services that hand out a cloud machine's credentials.
"""

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA = frozenset(
    map(
        ip_address,
        [
            "169.254.169.254",  # most clouds
            "169.254.170.2",  # AWS, credentials of containers
            "169.254.170.23",
            "fd00:ec2::254",  # AWS over IPv6
            "fd00:ec2::23",
            "fd20:ce::254",  # Google over IPv6
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure
            "192.0.0.192",  # Oracle
        ],
    )
)
_PRIVATE = tuple(
    map(ip_network, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"])
)
_NAT64 = ip_network("64:ff9b::/96")
_REMEMBERED_HOSTS = 1024
_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\Z")


def _rule(text: str) -> str:
    if _network(text) is not None:
        return text
    name = text.lower().rstrip(".")
    if not _NAME.match(name) or _legacy(name):
        raise ValueError(
            f"{text!r} is neither an address, a network such as 10.1.0.0/16 (no bits beyond its length), "
            "nor a host name such as intra.example.com or *.example.com"
        )
    return name


Rule = Annotated[str, AfterValidator(_rule)]
"""An address, a network in CIDR form, a host name, or `*.` and a domain for every name below it."""


class AddressRules(BaseModel):
    """Which targets may be called, as settings.

    Private, loopback, link-local, metadata and other special addresses are refused unless a rule of
    `allow` covers them. `deny` always wins. A metadata address is opened only by a rule for that very
    address, never by a wider network, a host name or `allow_private`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    allow_private: bool | None = None
    """Opens loopback and private networks. None leaves it to whoever starts Karya: true for a gateway that
    serves loopback only, false for any other and wherever nobody decided."""


class AddressPolicy:
    """The rules, ready to be asked. Every answer is None for "yes" or the reason of the refusal."""

    def __init__(self, rules: AddressRules) -> None:
        self._allow, self._allowed_names = _split(rules.allow)
        self._deny, self._denied_names = _split(rules.deny)
        self._private = bool(rules.allow_private)
        self._judged = lru_cache(_REMEMBERED_HOSTS)(self._judge)

    def refuses_host(self, host: str) -> str | None:
        """Whether a host, as it stands in a URL, is out of the question before anybody has resolved it. It is
        asked before each request, of the same few hosts again and again, so what it said is remembered."""
        return self._judged(host)

    def _judge(self, host: str) -> str | None:
        if legacy := _legacy(host):
            return f"the host {host!r} is another way to write {legacy}: write that"
        address = literal(host)
        if address is not None:
            reason = self.refuses(address)
            return f"the address {host} {reason}" if reason else None
        return f"the host {host!r} is denied by the settings" if _named(host, self._denied_names) else None

    def refuses(self, address: Address, name: str = "") -> str | None:
        """Whether an address must not be connected to; `name` is the host name that it was found under."""
        allowed = bool(name) and _named(name, self._allowed_names)
        reasons = (self._reason(form, allowed) for form in forms(address))
        return next(filter(None, reasons), None)

    def _reason(self, address: Address, allowed: bool) -> str | None:
        if _inside(address, self._deny):
            return "is denied by the settings"
        kind = kind_of(address)
        if kind is None or (kind in ("loopback", "private") and self._private):
            return None
        if kind == "metadata":
            open_to = any(rule.num_addresses == 1 and address in rule for rule in self._allow)
        else:
            open_to = allowed or _inside(address, self._allow)
        return None if open_to else f"is {kind}: connectors.rest.addresses.allow does not list it"


def kind_of(address: Address) -> str | None:
    """What is special about an address; None for one of the public Internet."""
    if address in METADATA:
        return "metadata"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if _inside(address, _PRIVATE):
        return "private"
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return "special"
    return None


def forms(address: Address) -> Iterable[Address]:
    """The addresses that packets for this one may end at: itself, and IPv4 ones that it stands for (mapped
    and NAT64, where it is nothing of its own; 6to4 and Teredo)."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address, *filter(None, (address.sixtofour, *(address.teredo or ()))))


def literal(host: str) -> Address | None:
    """The address that a host is, without its zone; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _legacy(host: str) -> str | None:
    """The usual form of an address in an old one that sockets still take: 2130706433, 0x7f.1, 0177.1."""
    if literal(host) is not None:
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _split(rules: Iterable[str]) -> tuple[tuple[Network, ...], tuple[str, ...]]:
    pairs = [(rule, _network(rule)) for rule in rules]
    networks = tuple(network for _, network in pairs if network is not None)
    return networks, tuple(rule for rule, network in pairs if network is None)


def _inside(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _named(host: str, names: Iterable[str]) -> bool:
    host = host.lower().rstrip(".")
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in names)
