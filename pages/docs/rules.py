"""The chapters on what holds: limits and errors, the sandbox, packing."""

from pages.docs.facts import Facts
from pages.docs.writing import aside, bullets, heading, paragraph, table


def limits(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "Every token is counted for the player, and the host may set a limit for each of them, in all, by"
                " day or"
                " by month. While a call runs, its prompt and its largest possible answer are set aside; what was not"
                " used comes back when it ends. Near the limit the answer is made shorter rather than refused. So ask"
                " for no more than you need: `maxTokens`, `max_tokens`, or `options.num_predict`."
            ),
            paragraph(
                "The first call of a game waits, for a minute at most, until its player has allowed it, above the game."
                " There they see what the game uses, can stop an answer, and can take their yes back. So show that the"
                " game waits, and be ready for a no. A game may also use only so many tokens of a player in a day, as"
                " the host sets it."
            ),
            heading(3, "Errors"),
            table(
                ("Status", "`type`", "What it means, and what to do"),
                (
                    ("400", "`invalid_request_error`", "The request cannot be read. The message says what is wrong."),
                    (
                        "401",
                        "`authentication_error`",
                        "Nobody is signed in, or the token is wrong. Inside a game: the page has to be reloaded.",
                    ),
                    (
                        "403",
                        "`permission_error`",
                        "The player said no or did not answer, the host does not allow this model or tool, or a token"
                        " may not do this. Go on without a model.",
                    ),
                    (
                        "404",
                        "`not_found_error`",
                        "No such model or address. The message names those there are.",
                    ),
                    ("413", "`request_too_large`", "The request is larger than 32 MB."),
                    (
                        "429 with `retry-after`",
                        "`rate_limit_error`",
                        "Too many calls at once or in a minute, or the tokens that are left are held by other calls."
                        " Wait so many seconds and try again.",
                    ),
                    (
                        "429 without, `x-should-retry: false`",
                        "`rate_limit_error`",
                        "Spent: the player's tokens, or what one game may use in a day. Asking again is of no use"
                        " before"
                        " `resets_at`; null means never by itself. SDKs do not retry it.",
                    ),
                    ("502", "`api_error`", "The model's server does not answer, or refuses the host's key."),
                    (
                        "503",
                        "`api_error`",
                        "Switched off by the host, or not set up. Try again later.",
                    ),
                    (
                        "529 and others",
                        "Upstream's own",
                        "An error of the model's server is passed on as it is, with its `retry-after`.",
                    ),
                ),
                label="Errors",
            ),
            paragraph(
                "An error has the shape of the API that was called. Claude's, and the platform's own, with the"
                " fields of"
                " a limit:"
            ),
            facts.code("limit-error.json", "429 Too Many Requests"),
            paragraph(
                'Ollama\'s is `{"error": "message"}`, with the fields of a limit beside it; that below `ollama/v1` is'
                ' `{"error": {"message", "type", "code"}}`. In the middle of a stream an error comes as Claude\'s'
                ' `error` event or as a line `{"error": "message"}`: a stream that ends without one, and without its'
                " closing event, has broken off."
            ),
            facts.code("limits.js", "Both kinds of 429, with plain fetch"),
        ]
    )


def sandbox(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "A game runs in a sandbox of its own, so that friends can play each other's games without trusting"
                " them."
                " It acts for its player in one thing only: calls to models."
            ),
            heading(3, "What works"),
            bullets(
                (
                    "Scripts, modules and import maps, WebAssembly, WebGL, canvas and its pixels, audio, gamepads,"
                    " pointer lock, full screen, `alert` and `confirm`, downloads.",
                    "Workers from a file, a module or a blob; they call models as the page does.",
                    "`localStorage`, `sessionStorage`, `document.cookie` and IndexedDB. What they keep, but for"
                    " sessionStorage, is saved within a second for each player and is there again on another computer:"
                    f" 5 MB of texts, and {facts.databases_mb:,} MB in IndexedDB. Two tabs do not lose each other's"
                    " writes. Players export, import and reset their saves on their account page.",
                    "`fetch` and XMLHttpRequest to the game's own files and to the addresses of the inference API.",
                    "Several pages, with links between them.",
                )
            ),
            heading(3, "What does not"),
            bullets(
                (
                    "The page around the game, the player's session, every other address of this platform.",
                    "Addresses that begin with `/`: they lead out of the game. Write `img/x.png`, not `/img/x.png`.",
                    "Other hosts: fonts, scripts and data from elsewhere have to be put into the game. Where that"
                    " cannot"
                    " be, ask for a host on the game's edit page; an admin decides, and everybody who plays can read"
                    " which hosts a game uses.",
                    "Popups and new windows, and leading the player to another page.",
                    "Service workers, shared workers, the Cache API, the private file system, camera, microphone, and"
                    " threads with shared memory: a game sees a browser that does not have them.",
                )
            ),
            heading(3, "What no sandbox prevents"),
            bullets(
                (
                    "In Firefox and other browsers without [connection"
                    " allowlists](https://wicg.github.io/connection-allowlists/) (Chromium has them from version 152"
                    " on), WebRTC can tell a server elsewhere the player's network address, and a preconnect can open a"
                    " connection to another host, over which nothing is sent.",
                    "In Firefox a game can call `history.back()`, which leaves its page. In every browser it can keep"
                    " the processor busy; close the tab then.",
                    "A game can draw anything in its frame, a false sign-in too. The bar above the frame says whose"
                    " game"
                    " it is. **Never type a password into a game.**",
                )
            ),
        ]
    )


def packing(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "A game is a web page: HTML, JavaScript, images, sound, WebAssembly. Nothing has to be built or"
                " declared. Upload a `.zip`, a single `.html`, or drop a folder."
            ),
            bullets(
                (
                    "`index.html` stands at the top, or in the one folder that the zip has. Where there are other pages"
                    " and no index.html, you are asked which one opens.",
                    f"At most {facts.upload_mb:,} MB as an upload, {facts.unpacked_mb:,} MB and {facts.files:,} files"
                    f" unpacked, paths of {facts.path_characters:,} characters; {facts.storage_mb:,} MB for all of"
                    " your games.",
                    "What is wrong with an upload is told all at once, and nothing is published: paths that lead"
                    " outside, links, broken or encrypted entries, names that differ only in upper and lower case.",
                    "What may not work is a warning: other hosts, addresses that begin with /, service workers, missing"
                    " files.",
                    "Builds that are compressed already (`.br`, `.gz`, `.unityweb`, as Unity and Godot make them) start"
                    " as they are, over http as well.",
                )
            ),
            heading(3, "What the game says of itself"),
            paragraph(
                "A `meta.json` beside index.html gives the upload its title, description, tags, cover and notes, all of"
                " them optional; without it the page's title is taken. A picture called `cover` or `thumbnail` is the"
                " cover; without one we draw one from the name. Covers are PNG, JPEG, WebP, GIF or AVIF, best 4:3 and"
                " 1280 by 960 pixels."
            ),
            facts.code("meta.json", "meta.json"),
            heading(3, "Versions"),
            paragraph(
                "Each upload of the same game is a version. On the game's edit page you can try one before it is"
                " published, go back to an earlier one, and write down what is new; the last ten are kept. Saves belong"
                " to the game, not to a version: a game should read what an older one has kept. A game is a draft for"
                " yourself, unlisted for whoever has the link, or shared."
            ),
            heading(3, "From the command line"),
            paragraph(
                "With an API token, and Vanilla's own `main.py` on your machine. Which game it became is remembered in"
                " `.vanilla.json` beside it, so the second command uploads the next version."
            ),
            facts.code("upload.sh", "Shell"),
            aside("The same can be done with any HTTP client: `POST /api/games`, in the [API reference](/api/docs)."),
        ]
    )
