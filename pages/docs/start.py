"""The chapters one begins with: a game in five minutes, and having one written."""

from pages.docs.facts import Facts
from pages.docs.writing import aside, bullets, paragraph


def quick_start(facts: Facts) -> str:
    return "".join(
        [
            bullets(
                (
                    "Copy the game below into a file called `index.html`.",
                    "Drop the file on the [upload page](/upload). A folder or a zip with an index.html in it works as"
                    " well.",
                    "Press Play. The game talks to a model at once: no key, no account, no set-up.",
                    "Change the rules in the file, upload it again, and see who can still be talked round.",
                ),
                ordered=True,
            ),
            facts.code("gatekeeper.html", "index.html", is_tall=True),
            paragraph(
                "That is all of it: `vanilla.stream` lets the guard speak, `localStorage` is kept for each player on"
                " every computer they use, and `vanilla.LimitError` says when their tokens are used up."
            ),
        ]
    )


def assistant(facts: Facts) -> str:
    return "".join(
        [
            paragraph(
                "An AI assistant writes a game that fits here if it is told how. Copy this, describe the game you want"
                " at its end, and upload what comes back."
            ),
            facts.code("prompt.md", "Prompt", is_tall=True),
        ]
    )


def examples(_: Facts) -> str:
    return "".join(
        [
            paragraph(
                "Three small games come with Vanilla, meant to be played and to be copied. Their source is a few files"
                " each, without a build step:"
            ),
            bullets(
                (
                    "[Dragon at the Bridge](/docs/examples/dragon): the rules are code, the model finds words for them,"
                    " and streams them into a talk.",
                    "[Odd Eggs](/docs/examples/eggs): the model answers with JSON that decides what hatches, and"
                    " whatever it answers, something does.",
                    "[Tiny Orbit](/docs/examples/orbit): an arcade game whose jar, flavours and best are there again on"
                    " another computer.",
                )
            ),
            aside(
                "All three stay fun with the tiny model that comes with Vanilla, and without any. That is the best"
                " advice we have: let code hold the game, and the model surprise."
            ),
        ]
    )
