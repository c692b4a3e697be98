"""What a host would want to know before friends do: settings, files, database, address. It changes nothing."""

import os
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from vanilla import migrations
from vanilla.database import Database
from vanilla.operations import backups, storage
from vanilla.operations.restore import WAY
from vanilla.settings import ENV_FILE, InvalidSettings, Settings, unknown_in_env_file

State = Literal["ok", "note", "broken"]
MB = 1_000_000
PATIENCE = 5.0  # seconds for an answer over the network
OLD_BACKUP = timedelta(days=8)
SKEW = timedelta(minutes=2)
FEW_FILES = 4096  # that a process may have open: a page takes one, a stream two
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `what` says how it is, `todo` what to do about it."""

    name: str
    state: State
    what: str
    todo: str = ""


def look(settings: Settings) -> Iterator[Finding]:
    """Everything but the model servers. Blocks, a few seconds."""
    yield from env_file()
    yield from data_dir(settings)
    yield from database(settings)
    yield from disk(settings)
    yield from backed_up(settings)
    is_serving = _is_claimed(settings)
    yield port(settings, is_serving=is_serving)
    yield from addresses(settings)
    if settings.public_url and is_serving:
        yield public_url(settings)
    yield clock(settings)
    yield open_files()


def env_file() -> Iterator[Finding]:
    """The names in `.env`, and who may read it."""
    path = Path(ENV_FILE)
    if not path.exists():
        yield Finding(".env", "ok", "There is none here; settings come from the environment alone.")
        return
    for name, meant in unknown_in_env_file():
        todo = f"Write {meant}." if meant else "Remove it, or look for the name in .env.example."
        yield Finding(".env", "note", f"{name} is no setting of Vanilla's.", todo)
    if _others_may_read(path):
        yield Finding(".env", "note", "Every user of this machine may read it, and keys in it.", f"chmod 600 {path}")
    else:
        yield Finding(".env", "ok", "It is there, and only its owner may read it.")


def data_dir(settings: Settings) -> Iterator[Finding]:
    """The folder and the secret in it."""
    folder = settings.data_dir
    if not folder.exists():
        yield Finding("DATA_DIR", "note", f"{folder.resolve()} is not there yet.", "The first start makes it.")
        return
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        who = f"chown -R {os.geteuid()} {folder}"
        yield Finding("DATA_DIR", "broken", f"{folder.resolve()} cannot be written to by this user.", who)
        return
    strange = [path.name for path in _inside(folder) if not os.access(path, os.R_OK | os.W_OK)]
    if strange:
        yield Finding(
            "DATA_DIR",
            "broken",
            f"{', '.join(strange[:5])} in it cannot be read and written by this user.",
            f"chown -R {os.geteuid()} {folder}",
        )
    elif os.geteuid() == 0 and folder.stat().st_uid != 0:
        yield Finding("DATA_DIR", "ok", f"{folder.resolve()} belongs to another user; commands are run as that one.")
    else:
        yield Finding("DATA_DIR", "ok", f"{folder.resolve()} can be written to.")
    if left := sorted(folder.glob(f"{WAY}*")):
        todo = f"Restore it again, then delete {left[0]}."
        yield Finding("DATA_DIR", "note", "A restore was cut off while it unpacked.", todo)
    for name in ("session_secret", "vanilla.db"):
        path = folder / name
        if path.exists() and _others_may_read(path):
            yield Finding(name, "broken", "Every user of this machine may read it.", f"chmod 600 {path}")


def database(settings: Settings) -> Iterator[Finding]:
    """Whether it can be read, is whole, and which schema it has."""
    path = storage.database_path(settings)
    if not path.exists():
        yield Finding("database", "note", f"There is none at {path} yet.", "The first start makes it.")
        return
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
            connection.execute("PRAGMA query_only=on").close()
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        todo = "Restore a backup: python main.py restore FILE --force"
        yield Finding("database", "broken", f"{path} cannot be read: {error}.", todo)
        return
    if problems != ["ok"]:
        todo = "Stop the server and restore a backup: python main.py restore FILE --force"
        yield Finding("database", "broken", f"It is damaged: {'; '.join(problems)}.", todo)
        return
    revision = str(row[0]) if row else ""
    if revision == migrations.newest():
        yield Finding("database", "ok", f"It is whole, and at the newest schema ({revision}).")
    elif migrations.is_known(revision):
        todo = "Make a backup (python main.py backup); the next start upgrades it."
        yield Finding("database", "note", f"It is whole, and at an older schema ({revision}).", todo)
    else:
        todo = "Run the version that made it, or restore a backup."
        yield Finding("database", "broken", f"A newer Vanilla made it (schema {revision}).", todo)


def disk(settings: Settings) -> Iterator[Finding]:
    """What is free."""
    free, least = storage.free_bytes(settings.data_dir), settings.min_free_disk_mb * MB
    if free < least:
        what = f"{free // MB:,} MB are free, less than MIN_FREE_DISK_MB: uploads and backups are refused."
        yield Finding("disk", "broken", what, "Delete old backups on the settings page, or make room elsewhere.")
    elif free < 2 * least:
        yield Finding("disk", "note", f"{free // MB:,} MB are free: it will be full soon.", "Make room.")
    else:
        yield Finding("disk", "ok", f"{free // MB:,} MB are free.")


def backed_up(settings: Settings) -> Iterator[Finding]:
    """How old the newest backup is."""
    if not storage.database_path(settings).exists():
        return
    kept = backups.listed(storage.backups_folder(settings))
    todo = "python main.py backup, best every night by a timer; README.md says how."
    if not kept:
        yield Finding("backup", "note", "There is none in DATA_DIR/backups.", todo)
    elif (age := datetime.now(UTC) - kept[0].made_at) > OLD_BACKUP:
        yield Finding("backup", "note", f"The newest is {age.days} days old.", todo)
    else:
        yield Finding("backup", "ok", f"The newest is {kept[0].name}.")


def port(settings: Settings, *, is_serving: bool) -> Finding:
    """Whether our server answers at HOST and PORT, or could listen there."""
    where = f"{settings.host}, port {settings.port}"
    if settings.port == 0:
        return Finding("port", "ok", "PORT is 0: a free one is taken at each start.")
    if is_serving:
        if _answers_as_ours(f"http://{_reached_at(settings)}:{settings.port}"):
            return Finding("port", "ok", f"The server runs and answers at {where}.")
        what = f"A server has the database open, and does not answer at {where}."
        return Finding("port", "note", what, "Wait if it is starting; else it was started with other settings.")
    try:
        for family, kind, _, _, address in socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        return Finding("port", "broken", f"{where}: {error.strerror}.", "Stop what listens there, or set another PORT.")
    return Finding("port", "ok", f"{where} is free; the server does not run.")


def addresses(settings: Settings) -> Iterator[Finding]:
    """Whether HOST, PUBLIC_URL and TRUSTED_PROXIES make sense together."""
    is_local = settings.host in LOOPBACK
    url = urlsplit(settings.public_url)
    open_to_all = [str(network) for network in settings.trusted_proxies if network.prefixlen == 0]
    before = len(open_to_all)
    if open_to_all:
        what = f"{open_to_all[0]} is every address: any visitor may claim to be any other."
        yield Finding("TRUSTED_PROXIES", "broken", what, "Name the proxy's own address, such as 127.0.0.1,::1.")
    if not settings.public_url and not is_local:
        before += 1
        what = f"HOST={settings.host} without TLS: whoever reads the network reads passwords."
        yield Finding("PUBLIC_URL", "note", what, "Put a reverse proxy in front; README.md says how.")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        before += 1
        what = f"{settings.public_url} is without TLS: whoever reads the network reads passwords."
        yield Finding("PUBLIC_URL", "note", what, "Put a reverse proxy in front; README.md says how.")
    if url.scheme == "https" and not settings.trusted_proxies:
        before += 1
        what = "It is empty, so everybody seems to come from the proxy's address: one who guesses passwords slows all."
        yield Finding(
            "TRUSTED_PROXIES", "note", what, "Set the proxy's address: 127.0.0.1,::1 for one on this machine."
        )
    if url.scheme == "https" and not is_local:
        before += 1
        what = f"HOST={settings.host} can be reached past the proxy."
        yield Finding("HOST", "note", what, "Set HOST=127.0.0.1, unless the proxy runs on another machine.")
    if not before:
        who = settings.public_url or "this machine alone"
        yield Finding("PUBLIC_URL", "ok", f"It is made for {who}, and the settings agree.")


def public_url(settings: Settings) -> Finding:
    """Whether friends' way in leads here, and passes WebSockets. Only while the server runs."""
    url = settings.public_url
    try:
        with httpx.Client(timeout=PATIENCE) as client:
            answer = client.get(f"{url}/healthz")
            if answer.status_code != 200 or not _is_ours(answer):
                what = f"{url} answers with status {answer.status_code}, and not as this server does."
                return Finding(
                    "proxy", "broken", what, "Mend the reverse proxy: it must pass everything to HOST, PORT."
                )
            with client.stream("GET", f"{url}{_SOCKET}", headers={**_UPGRADE, "Origin": url}) as upgraded:
                status = upgraded.status_code
    except httpx.HTTPError as error:
        what = f"{url} cannot be reached from this machine: {str(error) or type(error).__name__}."
        return Finding("proxy", "note", what, "Try it from another network: some routers do not lead back inside.")
    if status not in (101, 403):  # 403: it came through as one, and names no open page
        what = f"{url} does not pass WebSockets (status {status}): pages stay without life."
        return Finding("proxy", "broken", what, "Pass the headers Upgrade and Connection on; README.md shows how.")
    return Finding("proxy", "ok", f"{url} leads here, and passes WebSockets.")


def clock(settings: Settings) -> Finding:
    """Whether this machine's time can be right: limits and sessions go by it."""
    now = datetime.now(UTC)
    todo = "Set the clock, best by NTP: timedatectl set-ntp true"
    if settings.anthropic_api_key.get_secret_value():
        try:
            said = httpx.head(settings.anthropic_base_url, timeout=PATIENCE).headers.get("date", "")
            if said and abs(skew := parsedate_to_datetime(said) - now) > SKEW:
                how = "slow" if skew > timedelta(0) else "fast"
                what = f"It is {abs(skew).total_seconds():.0f} seconds {how} against Anthropic's."
                return Finding("clock", "broken", what, todo)
        except (httpx.HTTPError, ValueError, TypeError):
            pass  # whether Anthropic can be reached is another question
    newest = _newest_row(storage.database_path(settings))
    if newest is not None and newest - now > SKEW:
        return Finding("clock", "broken", f"The ledger has a call of {newest:%Y-%m-%d %H:%M}, which is to come.", todo)
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, {time.strftime('%Z')} here.")


def open_files() -> Finding:
    """How many files the process may have open: each page and each call needs some."""
    import resource  # not on every platform

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < FEW_FILES:
        what = f"At most {hard:,} files may be open at once."
        return Finding("open files", "note", what, "Allow more: LimitNOFILE=65536 in the systemd unit, or ulimit -Hn.")
    return Finding("open files", "ok", "As many may be open as it needs.")


_SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455's own
}


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH and path.resolve().parent.stat().st_mode & stat.S_IXOTH)


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.is_symlink())


def _is_claimed(settings: Settings) -> bool:
    if not storage.database_path(settings).exists():
        return False
    try:
        with Database(settings.sqlalchemy_url).claimed():
            return False
    except InvalidSettings:
        return True


def _reached_at(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  (asked, not bound)
    return f"[{host}]" if ":" in host else host


def _answers_as_ours(url: str) -> bool:
    try:
        return _is_ours(httpx.get(f"{url}/healthz", timeout=PATIENCE, trust_env=False))
    except httpx.HTTPError:
        return False


def _is_ours(answer: httpx.Response) -> bool:
    try:
        return bool(answer.json() == {"status": "ok"})
    except ValueError:
        return False


def _newest_row(path: Path) -> datetime | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
            (newest,) = connection.execute("SELECT max(timestamp) FROM token_usage").fetchone()
        return datetime.fromisoformat(newest) if newest else None
    except (sqlite3.Error, ValueError):
        return None
