"""The form that carries a game: for a new one, and for the next version of one."""

from pathlib import Path

from fastapi import Request

from vanilla.api.uploads import Upload, UploadedFile, receive
from vanilla.errors import Invalid
from vanilla.games import covers
from vanilla.games.bundles import HEAD, Bundle, kind_of
from vanilla.games.files import MB, on_thread
from vanilla.services import Services


async def read_game(request: Request, services: Services, staging: Path) -> tuple[Upload, Bundle]:
    """The form, with its files in `staging`, and the game in it, unpacked there. Its field `entry` names the page to
    open, where there is a choice.

    Raises BadRequest, Invalid, InvalidBundle, TooLarge, TooManyRequests, OutOfSpace.
    """
    with services.upload_turns.of(request.scope["user_id"]):
        largest = {"file": services.settings.max_upload_mb * MB, "cover": covers.LARGEST_FILE}
        upload = await receive(request, staging, largest, services.files.check_room)
        file = _file_of(upload)
        kind = kind_of(file.filename, await on_thread(_head, file))
        into = staging / "unpacked"
        return upload, await services.catalogue.unpack(file.path, kind, into, upload.text("entry"))


def _file_of(upload: Upload) -> UploadedFile:
    if (file := upload.files.get("file")) is None or not file.size:
        raise Invalid("There is no game in the upload: put a .zip or a single .html into the field named file.")
    return file


def _head(file: UploadedFile) -> bytes:
    with file.path.open("rb") as stream:
        return stream.read(HEAD)
