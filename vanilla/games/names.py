"""Names of files in a bundle: which are refused, and which are left out.

A name is judged as it stands in the archive and never repaired: what a repair makes of `../index.html` overwrites the
game's own page. Names must also survive a copy to another system, so what Windows or macOS cannot keep is refused too.
"""

import unicodedata

LONGEST_NAME = 240  # characters, as other game hosts allow, where the settings say nothing else
LONGEST_PART = 255  # bytes of one folder or file name: the limit of common file systems
DEEPEST = 32  # folders
OURS = "_vanilla"  # first folder of addresses that the platform answers itself

JUNK = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini", "icon\r", ".git", ".svn", ".hg", ".htaccess", ".env"}
JUNK_BEGINS = ("._", ".env.")
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
# Control, format (right-to-left marks, zero-width characters), unpaired surrogates, line and paragraph separators.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def problem_with(name: str, longest: int = LONGEST_NAME) -> str | None:
    """Why a file of this name is refused, as the end of a sentence about it; None when the name is good.

    `name` is the path inside the bundle, parts separated by `/`, without the slash that marks a folder; `longest` is
    how many characters it may have.
    """
    parts = name.split("/")
    for wrong, reason in (
        (not name, "has an empty name"),
        (name.startswith("/"), "is an absolute path"),
        ("\\" in name, "has a backslash in its name; folders are separated by /"),
        (":" in name, "has a colon in its name"),
        (".." in parts, "points outside the game"),
        ("" in parts or "." in parts, "has an empty folder name in its path"),
        (any(unicodedata.category(c) in _INVISIBLE for c in name), "has invisible or control characters in its name"),
        (len(name) > longest, f"has a path of {len(name):,} characters; at most {longest} are possible"),
        (len(parts) > DEEPEST + 1, f"lies {len(parts) - 1} folders deep; at most {DEEPEST} are possible"),
        (any(_is_too_long(part) for part in parts), f"has a name longer than {LONGEST_PART} bytes"),
        (any(_is_device(part) for part in parts), "has a name that Windows keeps for devices"),
        (any(part.endswith((".", " ")) for part in parts), "has a name that ends with a dot or a space"),
    ):
        if wrong:
            return reason
    return None


def is_ours(name: str) -> bool:
    """Whether the platform answers at this path itself, so that a file there could never be reached."""
    return key(name.split("/", 1)[0]) == OURS


def is_junk(name: str) -> bool:
    """Whether this is a leftover of an operating system or an editor, or a secret, that no game needs."""
    parts = name.casefold().split("/")
    return ".." not in parts and any(
        part in JUNK or part.startswith(JUNK_BEGINS) for part in parts if part not in ("", ".")
    )


def key(name: str) -> str:
    """Two names with the same key are one file on systems that ignore case or compose characters."""
    return composed(composed(name).casefold())


def composed(name: str) -> str:
    """The one way to write a name (NFC), in which names are stored and looked up."""
    return unicodedata.normalize("NFC", name)


def shown(name: str) -> str:
    """A name as it can stand in a sentence: short, and without characters that would disturb it."""
    safe = "".join(
        c if unicodedata.category(c) not in _INVISIBLE else c.encode("unicode_escape").decode() for c in name
    )
    return safe if len(safe) <= 80 else f"{safe[:40]}...{safe[-30:]}"


def _is_too_long(part: str) -> bool:
    return len(part.encode("utf-8", "surrogatepass")) > LONGEST_PART


def _is_device(part: str) -> bool:
    return part.split(".", 1)[0].rstrip(" ").casefold() in _DEVICES
