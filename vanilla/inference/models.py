"""Which models there are: asked of the model servers with their official clients, and remembered for a while."""

import asyncio
import importlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import httpx
import ollama

from vanilla.errors import VanillaError
from vanilla.inference.backends.anthropic import Anthropic
from vanilla.inference.backends.ollama import Ollama
from vanilla.inference.local.weights import MODEL
from vanilla.models import utc_now
from vanilla.operations.controls import ControlPanel

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


@dataclass(frozen=True, slots=True)
class Health:
    """How a backend answered when last asked: its models, or the sentence that says what is wrong and what to do.
    `took_ms` is the time to the answer, None where there was none; one that is not set up is not asked."""

    backend: Literal["anthropic", "ollama"]
    models: Sequence[Model] = ()
    problem: str | None = None
    is_set_up: bool = True
    took_ms: int | None = None
    asked_at: datetime = field(default_factory=utc_now)


class Models:
    """Lists the models of both backends, with their official clients. What cannot be reached is left out of the list,
    and said in `health`."""

    def __init__(self, claude: Anthropic, llama: Ollama, controls: ControlPanel) -> None:
        self._claude = claude
        self._llama = llama
        self._controls = controls
        self._known: Sequence[Health] = ()
        self._known_at = -REMEMBERED_SECONDS
        self._asking = asyncio.Lock()

    async def available(self) -> list[Model]:
        """The models that may be called now; the list is at most half a minute old."""
        controls = self._controls.now
        known = await self.health()
        return [model for each in known for model in each.models if controls.allows(model.backend, model.model)]

    async def health(self, *, anew: bool = False) -> Sequence[Health]:
        """How both backends answered, at most half a minute ago or (`anew`) just now."""
        async with self._asking:
            if anew or time.monotonic() - self._known_at >= REMEMBERED_SECONDS:
                self._known = await asyncio.gather(self._of_anthropic(), self._of_ollama())
                self._known_at = time.monotonic()
            return self._known

    async def _of_anthropic(self) -> Health:
        if not self._claude.is_configured:
            return Health(
                "anthropic", problem="ANTHROPIC_API_KEY is not set: put a key there and restart.", is_set_up=False
            )
        # Importing it takes a second or two, which neither the start nor the event loop has to spare.
        await asyncio.to_thread(importlib.import_module, "anthropic")
        import anthropic

        url = self._claude.base_url
        began = time.monotonic()
        try:
            async with anthropic.AsyncAnthropic(
                api_key=self._claude.api_key, base_url=url, max_retries=0, timeout=PATIENCE_SECONDS
            ) as client:
                page = await client.models.list(limit=100)
            models = [Model("anthropic", model.id, model.display_name) for model in page.data]
        except (anthropic.AuthenticationError, anthropic.PermissionDeniedError):
            problem = "Anthropic refuses the key in ANTHROPIC_API_KEY: put another there and restart."
        except anthropic.NotFoundError:
            problem = f"{url} answers, and knows no models: set ANTHROPIC_BASE_URL to where Anthropic's API is."
        except anthropic.APIStatusError as error:
            problem = f"Anthropic answers with status {error.status_code}: test again in a few minutes."
        except anthropic.APITimeoutError:
            return _ill("anthropic", f"{url} does not answer within {PATIENCE_SECONDS:.0f} seconds: test again.")
        except anthropic.AnthropicError:
            return _ill("anthropic", f"Nothing answers at {url}: is this server on the internet?")
        except (AttributeError, TypeError, ValueError):
            problem = f"{url} does not answer as Anthropic does: set ANTHROPIC_BASE_URL to where its API is."
        else:
            return Health("anthropic", models, took_ms=_since(began))
        return _ill("anthropic", problem, _since(began))

    async def _of_ollama(self) -> Health:
        names: list[str] = []
        problem = took_ms = None
        is_set_up = True
        began = time.monotonic()
        try:
            target = await self._llama.target(None, {})
            began = time.monotonic()  # the embedded model may have had to start
            client = ollama.AsyncClient(target.base_url, headers=dict(target.headers), timeout=PATIENCE_SECONDS)
            try:
                answer = await client.list()
            finally:
                await client.close()  # type: ignore[no-untyped-call]
            names = [model.model for model in answer.models if model.model]
            took_ms = _since(began)
        except VanillaError as error:
            problem, is_set_up = error.message, bool(self._llama.url)
        except ollama.ResponseError as error:
            problem, took_ms = f"Ollama answers with status {error.status_code}: its own log says why.", _since(began)
        except httpx.TimeoutException:
            problem = (
                f"{self._llama.url} does not answer within {PATIENCE_SECONDS:.0f} seconds: is its machine overloaded?"
            )
        except (httpx.HTTPError, ConnectionError, ValueError, AttributeError, TypeError):
            problem = f"Nothing answers as Ollama at {self._llama.url}: start it, or set OLLAMA_URL and restart."
        if problem is not None:
            logger.info("Ollama's models cannot be listed: %s", problem)
        if self._llama.has_embedded and MODEL not in names:
            names.append(MODEL)
        models = [Model("ollama", name, name, embedded=name == MODEL) for name in names]
        return Health("ollama", models, problem, is_set_up, took_ms)


def _ill(backend: Literal["anthropic", "ollama"], problem: str, took_ms: int | None = None) -> Health:
    logger.warning("%s's models cannot be listed: %s", backend, problem)
    return Health(backend, problem=problem, took_ms=took_ms)


def _since(began: float) -> int:
    return max(1, round((time.monotonic() - began) * 1000))
