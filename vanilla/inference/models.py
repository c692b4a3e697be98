"""Which models there are: asked of the model servers with their official clients, and remembered for a while."""

import asyncio
import importlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import httpx
import ollama

from vanilla.errors import VanillaError
from vanilla.inference.backends.anthropic import Anthropic
from vanilla.inference.backends.ollama import Ollama
from vanilla.inference.local.weights import MODEL

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 30.0
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be called. `embedded`: the tiny one that comes with Vanilla."""

    backend: Literal["anthropic", "ollama"]
    model: str
    name: str
    embedded: bool = False


class Models:
    """Lists the models of both backends. What cannot be reached is left out of the list, and said in the log."""

    def __init__(self, claude: Anthropic, llama: Ollama) -> None:
        self._claude = claude
        self._llama = llama
        self._known: list[Model] = []
        self._known_at = -REMEMBERED_SECONDS
        self._asking = asyncio.Lock()

    async def available(self) -> Sequence[Model]:
        """The models there are now, at most half a minute old."""
        async with self._asking:
            if time.monotonic() - self._known_at >= REMEMBERED_SECONDS:
                both = await asyncio.gather(self._of_anthropic(), self._of_ollama())
                self._known = [model for models in both for model in models]
                self._known_at = time.monotonic()
            return self._known

    async def _of_anthropic(self) -> list[Model]:
        if not self._claude.is_configured:
            return []
        # Importing it takes a second or two, which neither the start nor the event loop has to spare.
        await asyncio.to_thread(importlib.import_module, "anthropic")
        import anthropic

        try:
            async with anthropic.AsyncAnthropic(
                api_key=self._claude.api_key, base_url=self._claude.base_url, max_retries=0, timeout=PATIENCE_SECONDS
            ) as client:
                page = await client.models.list(limit=100)
                return [Model("anthropic", model.id, model.display_name) for model in page.data]
        except anthropic.AnthropicError as error:
            logger.warning("Anthropic's models cannot be listed: %s", type(error).__name__)
            return []

    async def _of_ollama(self) -> list[Model]:
        try:
            target = await self._llama.target(None, {})
            client = ollama.AsyncClient(target.base_url, headers=dict(target.headers), timeout=PATIENCE_SECONDS)
            try:
                answer = await client.list()
            finally:
                await client.close()  # type: ignore[no-untyped-call]
        except (VanillaError, ollama.ResponseError, httpx.HTTPError, ConnectionError) as error:
            logger.info("Ollama's models cannot be listed: %s", error)
            names = []
        else:
            names = [model.model for model in answer.models if model.model]
        if self._llama.has_embedded and MODEL not in names:
            names.append(MODEL)
        return [Model("ollama", name, name, embedded=name == MODEL) for name in names]
