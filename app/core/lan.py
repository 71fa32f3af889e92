"""Which addresses this computer has in the network that it shares with others."""

import ipaddress
import socket

import psutil


def lan_addresses() -> tuple[str, ...]:
    """IPv4 addresses by which others in the local network reach this computer, likeliest first."""
    found: list[tuple[int, str]] = []
    up = psutil.net_if_stats()
    for name, addresses in psutil.net_if_addrs().items():
        if name in up and not up[name].isup:
            continue
        found += [
            (_likelihood(name), each.address)
            for each in addresses
            if each.family == socket.AF_INET and _is_private(each.address)
        ]
    return tuple(address for _, address in sorted(found))


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_private and not parsed.is_loopback and not parsed.is_link_local


def _likelihood(name: str) -> int:
    """Real network cards before bridges of containers and tunnels."""
    made_up = ("docker", "br-", "veth", "virbr", "vmnet", "tun", "tap", "wg", "zt", "utun")
    return int(name.lower().startswith(made_up))
