"""What README.md says about hosting, tried: the systemd units, and both reverse proxies with what friends do."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ROOT, ServerProcess, measured

README = (ROOT / "README.md").read_text()
PASSWORD = "the admin's own password"
VISITOR = "127.0.0.2"  # this machine under another address, as a friend's would be
SOMEBODY_ELSE = "203.0.113.9"
LARGE = 199_000_000  # bytes: MAX_UPLOAD_MB is 200


def block(beginning: str, language: str = "") -> str:
    """The fenced block that begins so."""
    found = re.search(rf"^```{language}\n({re.escape(beginning)}.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None, beginning
    return found[1]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_units_are_ones_that_systemd_takes(tmp_path: Path) -> None:
    project = tmp_path / "srv"
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    names = []
    for name, unit in re.findall(r"^```ini\n# /etc/systemd/system/(\S+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(unit.replace("/srv/vanilla", str(project)).replace("User=vanilla", "User=root"))
        names.append(name)
    assert names == ["vanilla.service", "vanilla-backup.service", "vanilla-backup.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", *(f"./{name}" for name in names)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30", "./vanilla.service"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown command verb" not in done.stderr and "unrecognized option" not in done.stderr:
        assert done.returncode == 0, done.stdout


@dataclass
class Way:
    """A proxy in front of a server, and what is behind both."""

    url: str
    data: Path
    models: ModelServer
    trust: ssl.SSLContext

    def visitor(self, **options: object) -> httpx.AsyncClient:
        """A friend's browser or program."""
        transport = httpx.AsyncHTTPTransport(verify=self.trust, local_address=VISITOR)
        return httpx.AsyncClient(base_url=self.url, transport=transport, timeout=120, headers=options)  # type: ignore[arg-type]

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self.visitor(origin=self.url) as client:
            answer = await client.post("/auth/login", json={"username": "admin", "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            yield client


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def certificate(folder: Path) -> tuple[Path, Path]:
    """For localhost, signed by itself."""
    key, crt = folder / "key.pem", folder / "crt.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return key, crt


def caddy(folder: Path, port: int, upstream: int) -> list[str]:
    """README's Caddyfile with other ports, and a certificate of ours in place of one from a CA. Gives the command."""
    key, crt = certificate(folder)
    site = block("games.example.org {\n    reverse_proxy").replace("127.0.0.1:3000", f"127.0.0.1:{upstream}")
    site = site.replace("games.example.org {", f"https://localhost:{port} {{\n    tls {crt} {key}\n    bind 127.0.0.1")
    options = f"{{\n    admin off\n    auto_https disable_redirects\n    storage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(options + site)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    """The same of nginx."""
    key, crt = certificate(folder)
    servers = block("server {\n    listen 80", "nginx").replace("127.0.0.1:3000", f"127.0.0.1:{upstream}")
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("/etc/letsencrypt/live/games.example.org/fullchain.pem", str(crt)),
        ("/etc/letsencrypt/live/games.example.org/privkey.pem", str(key)),
        ("server_name games.example.org", "server_name localhost"),
        # PUBLIC_URL has a port here, which $host leaves out: Vanilla goes by PUBLIC_URL, whatever Host says.
    ):
        assert old in servers, old
        servers = servers.replace(old, new)
    temporary = "\n".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}\npid {folder}/nginx.pid;\nerror_log stderr;\ndaemon off;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\n{servers}}}\n"
    )
    subprocess.run(["nginx", "-t", "-q", "-c", folder / "nginx.conf"], check=True, capture_output=True)
    return ["nginx", "-c", str(folder / "nginx.conf")]


PROXIES = {"caddy": caddy, "nginx": nginx}


@pytest.fixture(params=sorted(PROXIES))
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Way]:
    """A server with README's settings behind README's proxy."""
    if shutil.which(request.param) is None or shutil.which("openssl") is None:
        pytest.skip(f"{request.param} is not installed here")
    port = free_port()
    url = f"https://localhost:{port}"
    gated = Answer(words=("word",) * 5, gate=asyncio.Event())
    async with ModelServer(gated).serving() as models:
        server = ServerProcess(
            DATA_DIR=str(tmp_path / "data"),
            PUBLIC_URL=url,
            TRUSTED_PROXIES="127.0.0.1,::1",
            OLLAMA_URL=models.url,
            ANTHROPIC_API_KEY="sk-ant-test",
            ANTHROPIC_BASE_URL=models.url,
            ADMIN_PASSWORD=PASSWORD,
            MIN_FREE_DISK_MB="0",
            LOCAL_MODEL="off",
            LOG_LEVEL="warning",
        )
        await server.start()
        command = PROXIES[request.param](tmp_path, port, int(server.origin.rpartition(":")[2]))
        process = await asyncio.create_subprocess_exec(
            *command, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, stderr=asyncio.subprocess.DEVNULL
        )
        trust = ssl.create_default_context(cafile=str(tmp_path / "crt.pem"))
        try:
            yield await ready(Way(url, tmp_path / "data", models, trust), process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()
            await server.stop(signal.SIGKILL)


async def ready(way: Way, process: asyncio.subprocess.Process) -> Way:
    """Once it answers."""
    async with asyncio.timeout(30), way.visitor() as client:
        while True:
            assert process.returncode is None, "the proxy did not start"
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return way
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_friends_come_in_through_the_proxy(way: Way, tmp_path: Path) -> None:
    await signs_in(way)
    await is_known_by_its_own_address(way)
    await has_a_live_page(way)
    await streams(way)
    await uploads(way, tmp_path)
    await finds_the_doctor_content(way, tmp_path)


async def signs_in(way: Way) -> None:
    async with way.visitor() as stranger:
        answer = await stranger.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert answer.headers["strict-transport-security"] == "max-age=15552000"
        answer = await stranger.get("/docs/")  # whose slash is taken away, on https
        assert answer.headers["location"] == "/docs"
        answer = await stranger.post(
            "/auth/login", data={"username": "admin", "password": PASSWORD}, headers={"origin": "https://evil.example"}
        )
        assert answer.status_code == 403
        answer = await stranger.post(
            "/auth/login", data={"username": "admin", "password": PASSWORD}, headers={"origin": way.url}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-vanilla_session=")
        assert "Secure" in cookie
        assert (await stranger.get("/")).status_code == 200


async def is_known_by_its_own_address(way: Way) -> None:
    async with way.visitor(**{"x-forwarded-for": SOMEBODY_ELSE, "origin": way.url}) as liar:
        answer = await liar.post("/auth/login", json={"username": "admin", "password": PASSWORD})
        assert answer.status_code == 200
    with closing(sqlite3.connect(way.data / "vanilla.db")) as connection:
        addresses = {json.loads(row[0])["address"] for row in connection.execute("SELECT sess FROM sessions")}
    assert addresses == {VISITOR}


async def has_a_live_page(way: Way) -> None:
    async with way.signed_in() as client:
        page = (await client.get("/")).text
        found = re.search(r"""['"]client_id['"]: ['"]([0-9a-f-]{36})['"]""", page)
        assert found is not None
        query = f"EIO=4&transport=websocket&client_id={found[1]}"
        url = f"{way.url.replace('https', 'wss')}/_nicegui_ws/socket.io/?{query}"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
        headers = {"origin": way.url, "cookie": cookies}
        async with asyncio.timeout(20), connect(url, ssl=way.trust, additional_headers=headers) as live:
            assert str(await live.recv()).startswith("0{")
            await live.send("40")
            assert str(await live.recv()).startswith("40")


async def streams(way: Way) -> None:
    """Each word arrives before the model has said the last one."""
    async with way.signed_in() as client:
        for path, model in (("anthropic/messages", "claude-haiku-4-5"), ("ollama/chat", "llama3.2")):
            gate = way.models.default.gate
            assert gate is not None
            gate.clear()
            ask = {"model": model, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            async with asyncio.timeout(20), client.stream("POST", f"/api/inference/{path}", json=ask) as answer:
                assert answer.status_code == 200
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if body.count(b"word") >= 5:
                        gate.set()  # only now may the last line come
            assert gate.is_set(), "the words came with the end, all at once"
            assert b"message_stop" in body or b'"done":true' in body.replace(b" ", b"")


async def uploads(way: Way, folder: Path) -> None:
    with zipfile.ZipFile(folder / "large.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("index.html", "<!doctype html><title>Large</title>")
        with archive.open("noise.bin", "w", force_zip64=True) as noise:
            for _ in range(LARGE // 1_000_000):
                noise.write(os.urandom(1_000_000))
    assert (folder / "large.zip").stat().st_size > LARGE - 1_000_000
    async with way.signed_in() as client:
        with (folder / "large.zip").open("rb") as file:
            answer = await client.post("/api/games", files={"file": ("large.zip", file)})
        assert answer.status_code == 201, answer.text
        game = answer.json()
        page = (await client.get(f"/play/{game['id']}")).text
        source = re.search(rf"/games/{game['id']}/[\w.-]+/", page)
        assert source is not None
        async with client.stream("GET", f"{source[0]}noise.bin", headers={"sec-fetch-dest": "empty"}) as answer:
            assert answer.status_code == 200
            assert sum([len(chunk) async for chunk in answer.aiter_raw()]) == LARGE // 1_000_000 * 1_000_000
        answer = await client.get(f"{source[0]}noise.bin", headers={"range": "bytes=5-9"})
        assert (answer.status_code, len(answer.content)) == (206, 5)


async def finds_the_doctor_content(way: Way, folder: Path) -> None:
    """`doctor` on the server's machine says that the address leads here and passes WebSockets."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "doctor",
        "--json",
        env={
            "PATH": os.environ["PATH"],
            **measured(),
            "DATA_DIR": str(way.data),
            "PUBLIC_URL": way.url,
            "TRUSTED_PROXIES": "127.0.0.1",
            "SSL_CERT_FILE": str(folder / "crt.pem"),
            "PORT": "0",
        },
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    (proxy,) = [each for each in json.loads(out)["findings"] if each["name"] == "proxy"]
    assert proxy["what"] == f"{way.url} leads here, and passes WebSockets."
