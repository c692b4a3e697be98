"""Logs: one line for each event, for a person on a terminal, as JSON elsewhere; never with a secret in it."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from vanilla.settings import Settings

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6  # characters; hiding a shorter literal would tear up words

_SECRET_NAMES = re.compile(r"authorization|cookie|api.?key|password|secret|signing.?key|token$", re.IGNORECASE)
_SECRETS = re.compile(
    r"""\b(?:vk|vp)_[\w-]{8,}            # our tokens
    | \bsk-ant-[\w-]{8,}                 # Anthropic's keys
    | (?<=\bBearer\ )\S+
    | (?<=vanilla_session=)[^\s;"']+
    | (?<=client_id=)[\w-]+              # who knows an open page's id speaks for it
    | (?<=/invitation/)[\w-]+ | (?<=/reset/)[\w-]+  # so do links that let somebody in
    | (?<=/games/)[a-z2-9]+/[\w.-]{20,}  # a game's files are whose who knows their address
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send everything that is logged, here and in libraries, to `stream` (standard error) in one format."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _fields,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Redaction(settings),
    ]
    renderer: Processor = structlog.processors.JSONRenderer(default=repr, ensure_ascii=False)
    if stream.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.captureWarnings(True)
    logging.getLogger("uvicorn.error").addFilter(_is_no_socket_line)
    for noisy in ("httpx", "httpcore", "alembic", "aiohttp.access", "PIL", "multipart", "python_multipart"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Redaction:
    """Hides what looks like a secret, by its name or by its form, and the host's own keys wherever they stand."""

    def __init__(self, settings: Settings) -> None:
        secrets = (
            settings.anthropic_api_key,
            settings.session_secret,
            settings.admin_password,
            settings.metrics_token,
        )
        literals = [secret.get_secret_value() for secret in secrets]
        self._literals = [literal for literal in literals if len(literal) >= SHORTEST_SECRET]

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if not name.startswith("_"):  # structlog's own, such as the record
                event[name] = self._clean(name, value)
        return event

    def _clean(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            if _SECRET_NAMES.search(name):
                return HIDDEN
            value = self._without_secrets(value)
            return value if name in ("exception", "stack") else _CONTROLS.sub(_escaped, value)
        if isinstance(value, bytes):
            return self._clean(name, value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {key: self._clean(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(name, inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean(name, repr(value))

    def _without_secrets(self, text: str) -> str:
        for literal in self._literals:
            text = text.replace(literal, HIDDEN)
        return _SECRETS.sub(HIDDEN, text)


def _is_no_socket_line(record: logging.LogRecord) -> bool:
    """Uvicorn's three lines for each open page say nothing, and its query, which we never log, in full."""
    message = str(record.msg)
    return record.levelno > logging.INFO or not ("WebSocket %s" in message or message.startswith("connection "))


def _fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The `fields` of a standard record: `logger.info("...", extra={"fields": {...}})`."""
    record = event.get("_record")
    fields: MutableMapping[str, Any] = getattr(record, "fields", None) or {}
    event.update({name: value for name, value in fields.items() if value is not None})
    return event


def _escaped(match: re.Match[str]) -> str:
    """A control character as it is written in code: a line break in a path must not begin a line of its own."""
    return match[0].encode("unicode_escape").decode()
