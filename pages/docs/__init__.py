"""The guide for people who make games."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request
from nicegui import ui

from pages.docs import examples
from pages.elements import Words, box, button_link, code, link
from pages.frame import frame
from pages.tables import row, table
from pages.visitor import Visitor, signed_in
from vanilla.services import Services


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/docs")
    async def docs(request: Request, visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        with frame(visitor, title="Make a game", active="docs") as page:
            with page.controls:
                button_link("Upload a game", "/upload", kind="primary")
            build(request.scope["origin"], services.settings.max_upload_mb, services.settings.max_game_files)


def build(origin: str, max_upload_mb: int, max_game_files: int) -> None:
    """The whole guide. `origin` is the platform's own address."""
    with box("div", "with-contents"):
        with box("nav", "contents", aria_label="Contents"):
            for anchor, title, _ in _CHAPTERS:
                link(title, f"#{anchor}")
        with box("div", "prose"):
            for anchor, title, write in _CHAPTERS:
                Words("h2", title, id=anchor)
                write(_Facts(origin, max_upload_mb, max_game_files))


class _Facts:
    def __init__(self, origin: str, max_upload_mb: int, max_game_files: int) -> None:
        self.origin = origin
        self.max_upload_mb = max_upload_mb
        self.max_game_files = max_game_files

    def of(self, example: str) -> str:
        """An example with this platform's address in it."""
        return example.replace("ORIGIN", self.origin)


def _quick_start(_: _Facts) -> None:
    with box("ol"):
        for step in (
            "Copy the game below into a file called index.html.",
            "Drop the file on the upload page. A zip with an index.html in it works as well.",
            "Press Play. The game talks to a model at once: no key, no account, no set-up.",
            "Change the rules in the file, upload it again, and see who can still be talked round.",
        ):
            Words("li", step)
    code(examples.GAME, "index.html")


def _games(facts: _Facts) -> None:
    _say(
        "A game is a web page: HTML, JavaScript, images, sound, WebAssembly. Nothing has to be built or declared."
        " Relative addresses work as on any site."
    )
    with box("ul"):
        for fact in (
            f"A .zip or a single .html, at most {facts.max_upload_mb} MB, at most {facts.max_game_files:,} files.",
            "index.html stands at the top of the zip, or in the one folder that the zip has.",
            "A zip with paths that lead outside, links or broken entries is refused as a whole, with the reason.",
            "A meta.json beside it may give title, description and tags. Without a cover, we draw one from the name.",
        ):
            Words("li", fact)


def _sdk(_: _Facts) -> None:
    _say(
        "Every page of a game gets a small script of ours before anything else. It makes the game's own calls work and"
        " adds window.vanilla, which talks to whichever model the host has set up."
    )
    code(examples.SDK, "JavaScript")
    _say(
        "Options of chat and stream: model, system, maxTokens (400 if not given), temperature, signal. A prompt is a"
        " text or a list of messages with role and content."
    )


def _fetch(_: _Facts) -> None:
    _say(
        "Inside a game, plain calls work too, without any key: the player is known. What you send and get is exactly"
        " Anthropic's or Ollama's own API, byte for byte, streaming included."
    )
    for title, address, example in (
        ("Claude", "POST /api/inference/anthropic/messages", examples.CLAUDE),
        ("Claude, as a stream", "POST /api/inference/anthropic/messages", examples.CLAUDE_STREAM),
        ("Ollama", "POST /api/inference/ollama/chat", examples.OLLAMA),
        ("Ollama, as a stream", "POST /api/inference/ollama/generate", examples.OLLAMA_STREAM),
        ("Which models there are", "GET /api/inference/models", examples.MODELS),
        ("What is used and left", "GET /api/inference/usage", examples.USAGE),
        ("Who plays", "GET /auth/me", examples.ME),
    ):
        Words("h3", title)
        code(example, address)


def _sdks(facts: _Facts) -> None:
    with box("p"):
        Words("span", "The official clients work unchanged, from your own programs too. Make an API token on ")
        link("your account page", "/account")
        Words("span", " and give it in place of a key.")
    for label, example in (
        ("Python, anthropic", examples.PYTHON_ANTHROPIC),
        ("Python, ollama", examples.PYTHON_OLLAMA),
        ("JavaScript, @anthropic-ai/sdk", examples.JAVASCRIPT_ANTHROPIC),
        ("Python, any client of the OpenAI API", examples.OPENAI),
        ("curl", examples.CURL),
    ):
        code(facts.of(example), label)
    with _listed("Base address", "What is there"):
        row([f"{facts.origin}/api/inference/anthropic", "v1/messages, v1/messages/count_tokens, v1/models"])
        row(
            [
                f"{facts.origin}/api/inference/ollama",
                "api/chat, api/generate, api/embed, api/tags, api/show, api/ps, api/version",
            ]
        )
        row([f"{facts.origin}/api/inference/ollama/v1", "chat/completions, models"])


def _limits(_: _Facts) -> None:
    _say(
        "Every token is counted for the player, and the host may set a limit. While a call runs, its prompt and its"
        " largest possible answer are set aside; what was not used comes back when it ends. Near the limit the answer"
        " is made shorter rather than refused. So ask for no more than you need: max_tokens for Claude,"
        " options.num_predict for Ollama."
    )
    _say(
        "The first call of a game waits, for a minute at most, until its player has allowed it, above the game. There"
        " they see what the game uses, and can stop an answer. So show that the game waits, and be ready for a no."
    )
    with _listed("Status", "What it means, and what to do"):
        for status, meaning in (
            (
                "400",
                "The request cannot be read, or asks for something that is not allowed here. The message says what.",
            ),
            ("401", "Nobody is signed in, or the token is wrong. Inside a game: reload the page."),
            (
                "403",
                "The player has not allowed the game to use tokens, has stopped the answer, or nobody may do this here."
                " Say what the message says, and go on without a model.",
            ),
            ("404", "There is no such model or address. The message names the models there are."),
            ("413", "The request is larger than 32 MB."),
            (
                "429",
                "A limit. With retry-after: wait so many seconds. Without: the tokens are used up until resets_at.",
            ),
            (
                "502, 503",
                "The model's server does not answer, or the host has not set it up. Tell the player, try later.",
            ),
        ):
            row([status, meaning])
    _say("Errors come in the shape of the API that was called. Claude's, and the platform's own:")
    code(examples.ERROR, "429 Too Many Requests")
    _say('Ollama\'s are {"error": "message"}; those below ollama/v1 are {"error": {"message", "type", "code"}}.')


def _sandbox(_: _Facts) -> None:
    _say(
        "A game runs in a sandbox of its own, so that friends can play each other's games without trusting them."
        " It acts for its player in one thing only: calls to models."
    )
    Words("h3", "What works")
    with box("ul"):
        for fact in (
            "Scripts, modules, workers, WebAssembly, WebGL, audio, canvas and its pixels, gamepads, full screen.",
            "localStorage and sessionStorage: they do not throw, and last for as long as the game is open.",
            "fetch and XMLHttpRequest to the game's own files and to the addresses above.",
        ):
            Words("li", fact)
    Words("h3", "What is blocked")
    with box("ul"):
        for fact in (
            "The page around the game, cookies, the player's session, every other address of this platform.",
            "Other hosts: fonts, scripts and data from elsewhere have to be put into the zip.",
            "Opening windows, and leading the player to another page.",
            "Service workers, shared workers, the cache API and the private file system: a game does not see them.",
        ):
            Words("li", fact)
    Words("h3", "What no sandbox prevents")
    with box("ul"):
        for fact in (
            "In Chromium, WebRTC can show a game the player's network address.",
            "A game can draw anything in its frame, a false sign-in too. The bar above the frame says whose game it is;"
            " never type a password into a game.",
        ):
            Words("li", fact)


_Write = Callable[[_Facts], None]
_CHAPTERS: tuple[tuple[str, str, _Write], ...] = (
    ("quick-start", "Five minutes to a game that talks", _quick_start),
    ("games", "What a game is", _games),
    ("sdk", "window.vanilla", _sdk),
    ("fetch", "Plain fetch", _fetch),
    ("sdks", "Official SDKs", _sdks),
    ("limits", "Limits and errors", _limits),
    ("sandbox", "The sandbox", _sandbox),
)


def _say(words: str) -> None:
    Words("p", words)


@contextmanager
def _listed(first: str, second: str) -> Iterator[None]:
    with table([first, second], label=second, is_stacked=True):
        yield
