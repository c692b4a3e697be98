"""What of this platform stands in the guide: its address and its limits."""

from dataclasses import dataclass

from pages.docs import writing
from pages.docs.snippets import snippet
from vanilla.settings import Settings


@dataclass(frozen=True, slots=True)
class Facts:
    """`origin` is the platform's own address; sizes are in MB."""

    origin: str
    upload_mb: int
    unpacked_mb: int
    files: int
    path_characters: int
    databases_mb: int
    storage_mb: int

    @classmethod
    def of(cls, origin: str, settings: Settings) -> "Facts":
        return cls(
            origin=origin,
            upload_mb=settings.max_upload_mb,
            unpacked_mb=settings.max_unpacked_mb,
            files=settings.max_game_files,
            path_characters=settings.max_game_path,
            databases_mb=settings.max_databases_mb,
            storage_mb=settings.user_storage_mb,
        )

    def source(self, name: str) -> str:
        """An example with this platform's address and limits in it."""
        text = snippet(name).source.replace("ORIGIN", self.origin)
        if name != "prompt.md":
            return text
        limits = {
            "FILES files": f"{self.files:,} files",
            "UNPACKED MB": f"{self.unpacked_mb:,} MB",
            "UPLOAD MB": f"{self.upload_mb:,} MB",
            "PATH characters": f"{self.path_characters:,} characters",
            "DATABASES MB": f"{self.databases_mb:,} MB",
        }
        for words, limit in limits.items():
            text = text.replace(words, limit)
        return text

    def code(self, name: str, label: str, *, is_tall: bool = False) -> str:
        """The same as a block to copy."""
        return writing.code(self.source(name), snippet(name).language, label, is_tall=is_tall)
