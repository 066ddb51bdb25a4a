"""Which hosts headpin talks to: an allow-list of letters, and the addresses that nobody may lead it to.

What names a host comes from a document or from another server, so it is judged here, as it is written, before
anything connects. Must never ask the network: who looks a name up judges what was found by the same functions.
"""

from __future__ import annotations

import ipaddress
import re
import socket

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]{1,45}")
"""Letters only that nobody decodes: curl would read 169%2e254 and full-width digits as an address."""

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "metadata.azure.internal"})
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"),
        *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    )
)
_EMBEDDING = (ipaddress.ip_network("::/96"), ipaddress.ip_network("64:ff9b::/96"))
"""IPv6 networks whose last 32 bits are an IPv4 address: compatible addresses, and NAT64 (RFC 6052)."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_host(text: str) -> bool:
    """Whether `text` is a host name or an address (IPv6 without brackets) in plain letters and digits."""
    return _HOST.fullmatch(text) is not None


def is_metadata(host: str) -> bool:
    """Whether `host` is a link-local or metadata address, in any form that it can be written in."""
    plain = host.lower().rstrip(".")
    if plain in _METADATA_NAMES:
        return True
    return any(each in network for each in _meant(plain) for network in _METADATA)


def is_literal(host: str) -> bool:
    """Whether `host` is an address, so that no name has to be looked up."""
    return bool(_literal(host))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost, or a loopback address."""
    return host == "localhost" or any(found.is_loopback for found in _literal(host))


def may_be_loopback(host: str) -> bool:
    """Whether `host` leads to this machine, wrapped or as the unspecified address too."""
    return host.lower().rstrip(".") == "localhost" or any(
        found.is_loopback or found.is_unspecified for found in _meant(host)
    )


def _literal(host: str) -> list[_Address]:
    """The address that `host` is written as, in any of the forms that C libraries take (0x7f.1, 2130706433)."""
    try:
        return [ipaddress.ip_address(host.partition("%")[0])]
    except ValueError:
        pass
    try:
        return [ipaddress.IPv4Address(socket.inet_aton(host))]
    except (OSError, UnicodeEncodeError):
        return []


def _meant(host: str) -> list[_Address]:
    """The address that `host` is written as, and those that it wraps."""
    found = _literal(host)
    for address in tuple(found):
        if isinstance(address, ipaddress.IPv6Address):
            found += [inner for inner in (address.ipv4_mapped, address.sixtofour) if inner is not None]
            if any(address in network for network in _EMBEDDING):
                found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found
