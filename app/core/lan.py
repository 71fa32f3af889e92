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


def openable(url: str) -> tuple[str, ...]:
    """The addresses by which what listens at `url` is opened.

    One that stands for all addresses of this computer is none to open: it is its own, then those by
    which others in the network reach it.
    """
    if "//[::]:" in url:
        return (url.replace("//[::]:", "//[::1]:"),)
    if "//0.0.0.0:" not in url:
        return (url,)
    return tuple(
        url.replace("//0.0.0.0:", f"//{each}:") for each in ("127.0.0.1", *lan_addresses())
    )


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_private and not parsed.is_loopback and not parsed.is_link_local


def _likelihood(name: str) -> int:
    """Real network cards before bridges of containers and tunnels."""
    made_up = ("docker", "br-", "veth", "virbr", "vmnet", "tun", "tap", "wg", "zt", "utun")
    return int(name.lower().startswith(made_up))
