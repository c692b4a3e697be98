"""`/metrics` for Prometheus: with METRICS_TOKEN from anywhere, without it from this machine alone."""

import asyncio
import hmac
import ipaddress
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response

from vanilla.api.callers import ServicesDep, bearer_of
from vanilla.api.origin import is_ours
from vanilla.errors import Unauthenticated
from vanilla.settings import Settings
from vanilla.usage.metrics import Load

router = APIRouter(tags=["operations"])

FORWARDING = ("forwarded", "via", "x-real-ip")  # and whatever begins with x-forwarded-


@router.get("/metrics")
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Everything that is counted, in the text format of Prometheus or, where it is preferred, in OpenMetrics."""
    _check_access(request, services.settings)
    held = await services.meter.held()
    feed = services.feed
    load = Load(
        services.relay.calls_in_flight(), held.holds, held.tokens, feed.watchers, feed.aggregations, feed.pushes
    )
    accept = request.headers.get("accept", "")
    body, content_type = await asyncio.to_thread(services.metrics.text, load, accept)
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})


def _check_access(request: Request, settings: Settings) -> None:
    """The token that the host has set, or a program on this very machine. It is not a token of the platform's: it is
    good for nothing else, and none of those is good here. Raises Unauthenticated."""
    wanted = settings.metrics_token.get_secret_value()
    presented = bearer_of(request)
    if presented is not None:
        if not wanted or not hmac.compare_digest(presented.encode(), wanted.encode()):
            raise Unauthenticated(
                "This token does not open /metrics: use the one in METRICS_TOKEN.", headers=_CHALLENGE
            )
    elif not _is_from_this_machine(request):
        unset = "" if wanted else ", once the host has set it; until then only programs on the server itself read this"
        raise Unauthenticated(f"Send METRICS_TOKEN as `Authorization: Bearer ...`{unset}.", headers=_CHALLENGE)


def _is_from_this_machine(request: Request) -> bool:
    """Whether a program here asks for itself. A reverse proxy comes from loopback too, and says for whom it asks; and
    a browser whose page is somebody else's says so, or was led here by a name of theirs, which has a dot."""
    headers = request.headers
    if any(name in FORWARDING or name.startswith("x-forwarded-") for name in headers):
        return False
    if not is_ours(headers, request.scope["origin"]):
        return False
    try:
        peer = ipaddress.ip_address(request.scope["client_address"])
    except ValueError:
        return False
    return peer.is_loopback and _is_local(headers.get("host", ""))


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return "." not in name


_CHALLENGE = {"www-authenticate": "Bearer"}
