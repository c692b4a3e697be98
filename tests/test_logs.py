import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from vanilla import logs
from vanilla.settings import Settings

KEY = "the-hosts-own-key-4711"
SETTINGS = Settings(anthropic_api_key=KEY, metrics_token="metrics-token-0815", log_level="info")
TOKEN = "vk_" + "aB3-_" * 9

Lines = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _other_handlers_come_back() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    for handler in before:
        root.removeHandler(handler)  # pytest's own: `configure` would close them
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    for kept in list(logging.getLogger("uvicorn.error").filters):
        logging.getLogger("uvicorn.error").removeFilter(kept)
    logging.captureWarnings(False)


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(SETTINGS, stream)
    return stream


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_librarys_event_is_one_line_of_json_with_the_requests_id(lines: Lines) -> None:
    with bound_contextvars(request_id="req_1"):
        logging.getLogger("uvicorn.error").warning("Application %s", "startup")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("Application startup", "warning", "uvicorn.error")
    assert line["request_id"] == "req_1"
    assert line["timestamp"].endswith("Z")


def test_fields_stand_beside_the_event(lines: Lines) -> None:
    fields = {"status": 200, "ms": 1.5, "user_id": None}
    logging.getLogger("vanilla.requests").info("GET /x", extra={"fields": fields})
    (line,) = lines()
    assert (line["status"], line["ms"]) == (200, 1.5)
    assert "user_id" not in line


def test_the_level_is_kept(lines: Lines) -> None:
    logging.getLogger("vanilla").debug("quiet")
    logging.getLogger("httpx").info("a library's chatter")
    assert lines() == []


def test_sockets_queries_are_not_logged(lines: Lines) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.info('%s - "WebSocket %s" [accepted]', "127.0.0.1:1", "/socket.io/?client_id=1")
    logger.info("connection open")
    logger.info("Application startup complete.")
    assert [line["event"] for line in lines()] == ["Application startup complete."]


@pytest.mark.parametrize(
    "text",
    [
        f"token {TOKEN} used",
        f"vp_{'x' * 43}",
        f"Authorization: Bearer {TOKEN}",
        f"key {KEY}!",
        "sk-ant-api03-abcdefghijkl",
        "metrics-token-0815",
        "cookie vanilla_session=abcdefghijklmnop; a=b",
        "__Host-vanilla_session=abcdefghijklmnop",
        "GET /games/abcdefghjk/3.Zm9vYmFyYmF6cXV4MTIzNDU2Zm9vYmFy/index.html",
        "Bearer eyJhbGciOi.x.y",
        "/socket.io/?client_id=0b9c2f1e-aaaa-4ec1&x=1",
    ],
)
def test_what_looks_like_a_secret_is_hidden(lines: Lines, stream: io.StringIO, text: str) -> None:
    logger = logging.getLogger("any")
    logger.warning(text)
    logger.warning("as an argument: %s", text)
    logger.warning("inside", extra={"fields": {"detail": {"deep": [text]}, "raw": text.encode()}})
    for secret in (TOKEN, "x" * 43, KEY, "api03", "0815", "abcdefghijklmnop", "Zm9v", "eyJ", "0b9c"):
        assert secret not in stream.getvalue()
    assert stream.getvalue().count(logs.HIDDEN) >= 4
    assert len(lines()) == 3


@pytest.mark.parametrize(
    "name", ["authorization", "Cookie", "set-cookie", "x-api-key", "password", "new_password", "play_token", "secret"]
)
def test_what_is_named_like_a_secret_is_hidden(lines: Lines, name: str) -> None:
    headers = {name: "plain-looking"}
    logging.getLogger("any").warning("got", extra={"fields": {name: "plain-looking", "headers": headers}})
    (line,) = lines()
    assert (line[name], line["headers"][name]) == (logs.HIDDEN, logs.HIDDEN)


def test_counts_of_tokens_are_no_secrets(lines: Lines) -> None:
    fields = {"prompt_tokens": 12, "token_limit": 500, "note": "12 tokens of 500"}
    logging.getLogger("any").warning("used", extra={"fields": fields})
    (line,) = lines()
    assert {name: line[name] for name in fields} == fields


def test_an_exception_is_one_line_too_and_keeps_no_secret(lines: Lines) -> None:
    hidden_local = "local-variable-value"
    try:
        raise ValueError(f"no such token: {TOKEN} {len(hidden_local)}")
    except ValueError:
        logging.getLogger("any").exception("It failed")
    (line,) = lines()
    assert "ValueError: no such token: [hidden]" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert TOKEN not in line["exception"]


def test_a_line_break_in_a_path_begins_no_line_of_its_own() -> None:
    terminal = Terminal()
    logs.configure(SETTINGS, terminal)
    logging.getLogger("any").warning("GET /x\n2026 [error] forged\x1b[2J")
    (line,) = terminal.getvalue().splitlines()
    assert "\\n2026 [error] forged\\x1b[2J" in line


def test_on_a_terminal_a_line_is_for_reading() -> None:
    terminal = Terminal()
    logs.configure(SETTINGS, terminal)
    logging.getLogger("vanilla").warning("Hello %s", TOKEN)
    (line,) = terminal.getvalue().splitlines()
    assert "Hello [hidden]" in line
    assert not line.startswith("{")
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logging.getLogger("vanilla").exception("It failed")
    assert "ValueError: [hidden]" in terminal.getvalue()
    assert TOKEN not in terminal.getvalue()
