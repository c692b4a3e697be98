"""`python main.py upload ./my-game`: puts a game on a Vanilla, and its next version there the next time."""

import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vanilla.commands.failures import CommandFailed
from vanilla.commands.platform import Platform, Progress, Refused, checked_url
from vanilla.commands.progress import progress
from vanilla.settings import load_client_settings

NOTE = ".vanilla.json"  # beside the game: which game on which platform it is; never a token
LEFT_OUT = {"node_modules", "__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini"}  # and every name with a dot in front


def upload(
    game: Annotated[
        Path, typer.Argument(help="The game's folder, a .zip of it, or a single .html.", show_default=False)
    ],
    url: Annotated[str, typer.Option(help="Where Vanilla is; VANILLA_URL if not given.", show_default=False)] = "",
    token: Annotated[
        str, typer.Option(help="An API token from your account page; VANILLA_TOKEN if not given.", show_default=False)
    ] = "",
    title: Annotated[str, typer.Option(help="The game's title; else the game's own says it.", show_default=False)] = "",
    notes: Annotated[str, typer.Option(help="What is new in this version.", show_default=False)] = "",
    entry: Annotated[
        str, typer.Option(help="The page that opens, if it is not index.html; remembered.", show_default=False)
    ] = "",
    draft: Annotated[
        bool, typer.Option("--draft", help="Only you see it: a new game as a draft, a new version as a preview.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Make a new game, even if this one was uploaded before.")] = False,
) -> None:
    """Upload a game, or its next version.

    Which game it became is remembered beside it, in .vanilla.json, so that the same command uploads the next version.
    """
    settings = load_client_settings()
    if not game.exists():
        raise CommandFailed(f"There is no {game}.")
    with Platform(url or settings.vanilla_url, token or settings.vanilla_token.get_secret_value()) as platform:
        note = Note(game)
        known = None if new else note.game_id(platform.url)
        entry = entry or note.entry(platform.url)
        said = {"notes": notes, "entry": entry}
        with _packed(game) as (file, name), progress(file.stat().st_size, "Uploading") as bar:
            form = _Form(file, name, {field: text for field, text in said.items() if text}, bar)
            if known is None:
                known = _create(platform, form, title, is_draft=draft)
            else:
                _update(platform, form, known, title, is_draft=draft)
        note.keep(platform.url, known, entry)


class Note:
    """What is remembered beside a game: on each platform, by its address, which game it is there and how it opens."""

    def __init__(self, game: Path) -> None:
        self._path = game / NOTE if game.is_dir() else game.parent / NOTE
        self._name = "." if game.is_dir() else game.name
        self._games = self._read()

    def game_id(self, url: str) -> str | None:
        """The game that was made of this file or folder there, if it was."""
        return self._games.get((url, self._name), (None, ""))[0]

    def entry(self, url: str) -> str:
        """The page that opens, where it was said, else ""."""
        return self._games.get((url, self._name), (None, ""))[1]

    def keep(self, url: str, game_id: str, entry: str) -> None:
        """Remember it. Raises CommandFailed."""
        if self._games.get((url, self._name)) == (game_id, entry):
            return
        self._games[url, self._name] = game_id, entry
        games = [
            {"url": url, "file": file, "id": game_id, **({"entry": entry} if entry else {})}
            for (url, file), (game_id, entry) in self._games.items()
        ]
        try:
            draft = self._path.with_name(f"{NOTE}.new")
            draft.write_text(json.dumps({"games": games}, indent=2) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            raise CommandFailed(
                f"The game is on the platform, but {self._path} cannot be written ({error.strerror}): "
                "the next upload would make another game of it."
            ) from None

    def _read(self) -> dict[tuple[str, str], tuple[str, str]]:
        """By address and file. Raises CommandFailed."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))["games"]
            return {
                (checked_url(each["url"]), each["file"]): (_id(each["id"]), each.get("entry", "")) for each in known
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, CommandFailed):
            raise CommandFailed(f"{self._path} cannot be read: mend it, or remove it to upload a new game.") from None


def _id(known: str) -> str:
    """It becomes part of an address."""
    if not known.isascii() or not known.isalnum():
        raise ValueError(known)
    return known


@dataclass
class _Form:
    file: Path
    name: str
    fields: dict[str, str]
    progress: Progress

    def send(self, platform: Platform, path: str) -> dict[str, Any]:
        return platform.send_file(path, self.file, self.name, self.fields, self.progress)


def _create(platform: Platform, form: _Form, title: str, *, is_draft: bool) -> str:
    """Gives the new game's id."""
    form.fields |= {"title": title} if title else {}
    form.fields |= {"visibility": "draft"} if is_draft else {}
    game = form.send(platform, "/api/games")
    _tell(game, f"{game['title']}{_seen(game)} is at {platform.url}{game['play_url']}")
    return str(game["id"])


def _update(platform: Platform, form: _Form, game_id: str, title: str, *, is_draft: bool) -> None:
    form.fields |= {"publish": "false"} if is_draft else {}
    try:
        version = form.send(platform, f"/api/games/{game_id}/versions")
    except Refused as refused:
        if refused.status in (403, 404):
            raise CommandFailed(
                f"The game {game_id}, which was uploaded from here before, is not yours at {platform.url}, or not "
                "there any more: restore it there, or give --new to make a new game."
            ) from None
        raise
    path = f"/api/games/{game_id}"
    game = platform.patch(path, {"title": title}) if title else platform.get(path)
    address = platform.url + (game["play_url"] if version["is_current"] else version["preview_url"])
    if version["unchanged"]:
        _tell(version, f"{game['title']}{_seen(game)} is unchanged since version {version['number']}: {address}")
    else:
        which = f"version {version['number']}" + ("" if version["is_current"] else " (a preview)")
        _tell(version, f"{game['title']}{_seen(game)}, {which}, is at {address}")


def _seen(game: dict[str, Any]) -> str:
    return {"draft": " (a draft: only you see it)", "unlisted": " (unlisted)"}.get(game["visibility"], "")


def _tell(answer: dict[str, Any], line: str) -> None:
    for warning in answer.get("warnings") or ():
        sys.stderr.write(f"Note: {warning.get('message', warning) if isinstance(warning, dict) else warning}\n")
    typer.echo(line)


@contextmanager
def _packed(game: Path) -> Iterator[tuple[Path, str]]:
    """The file to send and its name: a folder as an archive that is gone afterwards. Raises CommandFailed."""
    if not game.is_dir():
        yield game, game.name
        return
    with tempfile.TemporaryDirectory(prefix="vanilla-") as folder:
        archive = Path(folder) / "game.zip"
        try:
            count = _zip(game, archive)
        except OSError as error:
            raise CommandFailed(f"{error.filename or game} cannot be read: {error.strerror or error}.") from None
        if not count:
            raise CommandFailed(f"There are no files in {game} that could be a game.")
        yield archive, "game.zip"


def _zip(game: Path, archive: Path) -> int:
    """Put a folder's files into an archive; gives how many. Links are not followed: they may lead out of it."""
    count = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
        for folder, folders, files in os.walk(game, onerror=_raise):
            folders[:] = sorted(each for each in folders if not _is_left_out(each))
            for name in sorted(each for each in files if not _is_left_out(each)):
                path = Path(folder) / name
                if path.is_symlink() or not path.is_file():
                    continue
                packed.write(path, path.relative_to(game).as_posix())
                count += 1
    return count


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT


def _raise(error: OSError) -> None:
    raise error
