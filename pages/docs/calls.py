"""The chapters on calling models: the SDK, plain fetch, official clients."""

from pages.docs.facts import Facts
from pages.docs.writing import aside, heading, paragraph, table


def sdk(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "Every page of a game gets a small script of ours before anything else. It makes the game's own calls"
                " work, keeps what it stores, and adds `window.vanilla`, which talks to whichever model the host has"
                " set up."
            ),
            *(
                heading(3, title) + facts.code(name, "JavaScript, in a game")
                for title, name in (
                    ("Words as they come", "sdk-stream.js"),
                    ("The whole answer", "sdk-chat.js"),
                    ("Answers as JSON", "sdk-json.js"),
                    ("Which model", "sdk-models.js"),
                    ("Keeping things for the player", "sdk-storage.js"),
                    ("When a call is refused", "sdk-errors.js"),
                    ("What is left", "sdk-usage.js"),
                    ("Who plays", "sdk-player.js"),
                )
            ),
            heading(3, "All of it"),
            table(
                ("Name", "What it is"),
                (
                    (
                        "`stream(prompt, options)`",
                        "An async iterator of texts. Leaving the loop ends the call.",
                    ),
                    ("`chat(prompt, options)`", "A promise of the whole answer, a text."),
                    (
                        "`prompt`",
                        "A text, or a list of `{ role, content }` with the roles `user` and `assistant`.",
                    ),
                    (
                        "`options`",
                        "`model` (else a quick one), `system`, `maxTokens` (400 if not given), `temperature` (Ollama"
                        " alone takes it), `schema` (a JSON schema), `signal` (an AbortSignal).",
                    ),
                    ("`models()`", "A promise of `[{ backend, model, name, embedded }]`, asked for once."),
                    ("`usage()`", "A promise of the tokens used and left, as `GET /api/inference/usage` tells them."),
                    ("`user`, `game`", "`{ id, username }` and `{ id, title }`; null outside Vanilla."),
                    (
                        "`storage`",
                        "`get(key)`, `set(key, value)`, `delete(key)`, `list(prefix)`: promises. Values are whatever"
                        " JSON can tell; a missing one is null.",
                    ),
                    ("`onLimit(listener)`", "Calls the listener with every LimitError; gives what ends that."),
                    (
                        "`VanillaError`",
                        "`message`, `status` (0 for no answer), `type`, `retryAfter` in seconds.",
                    ),
                    ("`LimitError`", "A VanillaError with `used`, `limit` and `resetsAt`, a Date or null for never."),
                ),
                label="All of window.vanilla",
            ),
        ]
    )


def fetch(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "Inside a game, plain calls work too, without any key: the player is known. What you send and get is"
                " exactly [Anthropic's](https://docs.claude.com/en/api/messages) or"
                " [Ollama's](https://github.com/ollama/ollama/blob/main/docs/api.md) own API, byte for byte, streaming"
                " and tools included. From outside, send an API token as `Authorization: Bearer vk_...`."
            ),
            *(
                heading(3, title) + facts.code(name, address)
                for title, address, name in (
                    ("Claude", "POST /api/inference/anthropic/messages", "claude.js"),
                    ("Claude, as a stream", "POST /api/inference/anthropic/messages", "claude-stream.js"),
                    ("Ollama", "POST /api/inference/ollama/chat", "ollama.js"),
                    ("Ollama, as a stream", "POST /api/inference/ollama/generate", "ollama-stream.js"),
                    ("Which models there are", "GET /api/inference/models", "models.js"),
                    ("What is used and left", "GET /api/inference/usage", "usage.js"),
                    ("Who plays", "GET /auth/me", "me.js"),
                )
            ),
            heading(3, "Every address"),
            table(
                ("Below `/api/inference/`", "What is there"),
                (
                    ("`anthropic/messages`", "The same as `v1/messages`."),
                    (
                        "`anthropic/v1/`",
                        "`messages`, `messages/count_tokens` (costs nothing), `models`, `models/{model}`.",
                    ),
                    ("`ollama/chat`, `ollama/generate`", "The same as below `api/`."),
                    (
                        "`ollama/api/`",
                        "`chat`, `generate`, `embed`, `tags`, `show`, `ps`, `version`. What manages the server (`pull`,"
                        " `create`, `delete` and the like) is 403.",
                    ),
                    ("`ollama/models`", "The same as `ollama/api/tags`."),
                    ("`ollama/v1/`", "`chat/completions`, `models`: Ollama's models in OpenAI's shape."),
                    ("`models`", "The models of both backends that may be called."),
                    ("`usage`, `usage/stats`", "Tokens of the current period; of all time, or of the last `?days=30`."),
                ),
                label="Every address of the inference API",
            ),
            paragraph("Each route of the platform, with its fields and answers, is in the [API reference](/api/docs)."),
        ]
    )


def clients(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "The official clients work unchanged. **In a game** give them this address and any word for a key; a"
                " bundler puts them into a file of the game, such as `npx esbuild main.js --bundle --format=esm"
                " --outfile=game.js`."
            ),
            *(
                facts.code(name, label)
                for name, label in (
                    ("client-anthropic.js", "JavaScript, @anthropic-ai/sdk"),
                    ("client-ollama.js", "JavaScript, ollama"),
                    ("client-openai.js", "JavaScript, openai"),
                )
            ),
            paragraph(
                "**From your own programs**, make an API token on [your account page](/account) and give it in place of"
                " a key. It is good for models, usage and games, and its tokens count as yours."
            ),
            *(
                facts.code(name, label)
                for name, label in (
                    ("python-anthropic.txt", "Python, anthropic"),
                    ("python-ollama.txt", "Python, ollama"),
                    ("python-openai.txt", "Python, openai"),
                    ("curl.sh", "curl"),
                )
            ),
            aside("An API token is a password: keep it out of games, whose files everybody who plays can read."),
        ]
    )
