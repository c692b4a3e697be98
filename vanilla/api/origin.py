"""Where we are and where a request comes from: our own origin, the client's address, and whether another site asks."""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from vanilla.settings import Network, Settings

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
REMEMBERED = 1024  # origins, and addresses: every request asks, and few differ
UNKNOWN = "unknown"  # the client's address where there is none: a test, a Unix socket


def our_origin(scope: Scope, headers: Headers, settings: Settings) -> str:
    """Such as `https://games.example.org`: PUBLIC_URL, or else scheme and Host, which only a trusted proxy may
    overrule. A Host that is none gives an origin that nothing equals."""
    if settings.public_url:
        return normal(settings.public_url)
    scheme: str = scope.get("scheme", "http")
    host = headers.get("host", "")
    if _is_trusted(_peer(scope), settings.trusted_proxies):
        # The proxy next to us wrote the last value; earlier ones may be the client's own.
        scheme = _last(headers, "x-forwarded-proto").lower() or scheme
        host = _last(headers, "x-forwarded-host") or host
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    if scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host):
        return "http://invalid.invalid"
    return normal(f"{scheme}://{host}")


def client_address(scope: Scope, headers: Headers, settings: Settings) -> str:
    """The peer's address or, behind trusted proxies, the nearest address in X-Forwarded-For that is none of them."""
    peer = _peer(scope)
    if not _is_trusted(peer, settings.trusted_proxies):
        return peer
    hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            break  # not an address: nothing before it can be believed either
        peer = str(address)
        if not _is_trusted(peer, settings.trusted_proxies):
            break
    return peer


def is_ours(headers: Headers, origin: str) -> bool:
    """Whether the request comes from a page of `origin`, or from a program: those send neither Origin nor
    Sec-Fetch-Site. A sandboxed game says Origin `null`, another port of this host is `same-site` and foreign.

    Browsers send Origin with every POST, every WebSocket and every fetch across origins; Sec-Fetch-Site covers those
    that hide it (https://www.w3.org/TR/fetch-metadata/).
    """
    origins = headers.getlist("origin")
    if origins:
        return len(origins) == 1 and origins[0] != "null" and normal(origins[0]) == origin
    return headers.get("sec-fetch-site", "none").lower() in {"same-origin", "none"}


@lru_cache(REMEMBERED)
def normal(origin: str) -> str:
    """An origin as browsers write it: lower case, without the scheme's own port. What is none comes back as it is."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return origin
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
        return origin
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    address = _address(client[0]) if client else None
    return UNKNOWN if address is None else str(address)


@lru_cache(REMEMBERED)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:5678`, `::1` or `[::1]:5678`, an IPv4 one mapped into IPv6 as IPv4."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_trusted(address: str, networks: Sequence[Network]) -> bool:
    if not networks or address == UNKNOWN:
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in networks)


def _last(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[-1].rpartition(",")[2].strip() if values else ""
