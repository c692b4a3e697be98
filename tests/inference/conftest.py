"""The application between real sockets: official clients on one side, fake model servers on the other."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlmodel import select

from main import create_api
from tests.fakes.model_servers import ModelServer
from tests.servers import serving
from vanilla.models import Hold, TokenUsage, User
from vanilla.services import Services
from vanilla.settings import Settings

HOST_KEY = "sk-ant-the-hosts-own-key"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # everything here is plain http: the usual one takes 30 ms to load


@pytest.fixture
async def claude() -> AsyncIterator[ModelServer]:
    """A fake Anthropic."""
    async with ModelServer().serving() as server:
        yield server


@pytest.fixture
async def llama() -> AsyncIterator[ModelServer]:
    """A fake Ollama."""
    async with ModelServer().serving() as server:
        yield server


@dataclass
class Platform:
    """The application on a socket, and short ways to what the tests of calls need."""

    origin: str
    services: Services
    stack: AsyncExitStack

    async def friend(self, **fields: Any) -> tuple[User, str]:
        """A user and an API token of theirs."""
        _, number = await self.services.users.list(limit=1)
        user = await self.services.users.create(username=f"friend{number}", password="long enough", **fields)
        token, _ = await self.services.api_tokens.create(user.id, "test")
        return user, token

    async def client(self, token: str | None, **headers: str) -> httpx.AsyncClient:
        """An HTTP client with that bearer."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return await self.stack.enter_async_context(
            httpx.AsyncClient(base_url=self.origin, headers=headers, timeout=20.0, trust_env=False, verify=NO_TLS)
        )

    async def ledger(self) -> list[TokenUsage]:
        """Every row, in the order of settlement."""
        return await self.services.database.read(
            lambda session: list(session.exec(select(TokenUsage).order_by(TokenUsage.timestamp)))  # type: ignore[arg-type]
        )

    async def holds(self) -> int:
        """How many holds there are."""
        return len(await self.services.database.read(lambda session: session.exec(select(Hold)).all()))

    async def user(self, user_id: str) -> User:
        return await self.services.users.get(user_id)


@pytest.fixture
def open_settings(settings: Settings, claude: ModelServer, llama: ModelServer) -> Settings:
    """Settings with both backends set up."""
    return settings.model_copy(
        update={
            "anthropic_api_key": type(settings.anthropic_api_key)(HOST_KEY),
            "anthropic_base_url": claude.url,
            "ollama_url": llama.url,
        }
    )


@pytest.fixture
async def platform(open_settings: Settings) -> AsyncIterator[Platform]:
    """The application without its pages, serving on a socket."""
    app = create_api(open_settings)
    async with AsyncExitStack() as stack, serving(app) as origin:
        yield Platform(origin, app.state.services, stack)
