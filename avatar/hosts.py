"""Where a URL leads."""

import ipaddress
import urllib.request
from urllib.parse import urlsplit


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine: a proxy of the environment could not reach it."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_plain(url: str) -> bool:
    """Whether paths can be put behind a URL and a key beside it: HTTP libraries take no key for one
    that names a user itself.
    """
    parts = urlsplit(url)
    return "@" not in parts.netloc and not parts.query and not parts.fragment


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL (HTTPS_PROXY, NO_PROXY and so on); none leads
    to this machine. To be asked once: an HTTP library that is told to trust the environment reads
    it, and a file with passwords, for every request.
    """
    parsed = urlsplit(url)
    if on_this_machine(url) or urllib.request.proxy_bypass(parsed.netloc):
        return None
    named = urllib.request.getproxies()
    return named.get(parsed.scheme) or named.get("all")
