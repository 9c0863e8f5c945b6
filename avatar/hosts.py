"""Where a URL leads."""

import ipaddress
from urllib.parse import urlsplit


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine: a proxy of the environment could not reach it."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
