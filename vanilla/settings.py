"""Every setting, read from the environment and from `.env`. The only module that reads the environment."""

import ipaddress
import re
import secrets
import tempfile
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Loaded = TypeVar("Loaded", bound=BaseSettings)
ENV_FILE = ".env"  # in the folder that the server is started in
DEFAULT_OLLAMA_URL = "http://localhost:11434"


class InvalidSettings(Exception):
    """A setting has a value that cannot be used; the message is one readable line for the host."""


class Settings(BaseSettings):
    """What the host can set. Names are the environment variables', in lower case."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_file_encoding="utf-8-sig", extra="ignore")

    port: int = Field(3000, ge=0, le=65535, description="Port to listen on.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 lets other machines in.")
    data_dir: Path = Field(Path("data"), description="Folder for the database, games and secrets.")
    database_url: str = Field("", description="SQLAlchemy URL of a SQLite file; empty means one in DATA_DIR.")
    session_secret: SecretStr = Field(
        SecretStr(""), description="Key that signs game addresses; empty makes one and keeps it in DATA_DIR."
    )
    anthropic_api_key: SecretStr = Field(SecretStr(""), description="The host's Anthropic key; empty turns Claude off.")
    anthropic_base_url: str = Field("https://api.anthropic.com", description="Where Anthropic's API is.")
    ollama_url: str = Field(DEFAULT_OLLAMA_URL, description="Where the host's Ollama is; empty for none.")
    local_model: Literal["auto", "on", "off"] = Field(
        "auto",
        description="The embedded model: off; on (beside Ollama); auto (where no Ollama is at the default address).",
    )
    admin_username: str = Field("admin", description="Name of the admin made at the first start.")
    admin_password: SecretStr = Field(
        SecretStr(""), description="Password of that admin; empty makes one and prints it once."
    )
    public_url: str = Field("", description="The address friends use, such as https://games.example.org.")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Addresses or networks of reverse proxies whose X-Forwarded headers count, with commas."
    )
    hsts_days: int = Field(
        180, ge=0, le=3650, description="Days that browsers insist on https once they were here, where PUBLIC_URL is."
    )
    metrics_token: SecretStr = Field(SecretStr(""), description="Bearer that may read /metrics from elsewhere.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    example_games: bool = Field(True, description="Publish the example games at the first start.")
    max_upload_mb: int = Field(200, ge=1, description="Largest upload of a game, in MB.")
    max_unpacked_mb: int = Field(500, ge=1, description="Largest game once unpacked, in MB.")
    max_game_files: int = Field(2000, ge=1, description="Most files in a game.")
    max_game_path: int = Field(
        240, ge=20, le=1000, description="Longest path of a file in a game, folders included, in characters."
    )
    max_game_ratio: int = Field(
        100, ge=2, description="How many times the size of its archive a game of more than 20 MB may unpack to."
    )
    uploads_per_hour: int = Field(60, ge=0, description="Uploads that a user may begin in an hour; 0 for no bound.")
    user_storage_mb: int = Field(1000, ge=1, description="Disk that one user's games may take, in MB.")
    max_databases_mb: int = Field(
        50, ge=1, description="What a game may keep for a player in IndexedDB, in MB; beside it 5 MB of localStorage."
    )
    min_free_disk_mb: int = Field(1000, ge=0, description="Uploads are refused below this much free disk, in MB.")
    upstream_idle_seconds: float = Field(
        300.0, gt=0, description="A model server that is silent for this long is given up."
    )
    requests_per_minute: int = Field(
        0, ge=0, description="Calls that a user may begin in a minute, where an admin set nothing else; 0 for no bound."
    )
    concurrent_calls: int = Field(
        0, ge=0, description="Calls that a user may have at once, where an admin set nothing else; 0 for no bound."
    )
    node_env: str = Field("", description="Accepted for the sake of older .env files; unused.")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """`PORT=` in a .env file means the default; OLLAMA_URL alone says something when it is empty."""
        return {name: value for name, value in values.items() if value != "" or name == "ollama_url"}

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
        return value

    @field_validator("public_url", "anthropic_base_url", "ollama_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        value = value.strip()
        if not value:
            return ""
        parts = urlsplit((value if "://" in value else f"http://{value}").rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_good_port(parts):
            raise ValueError("must be an address that starts with http:// or https://")
        return parts.geturl()

    @field_validator("public_url", mode="before")
    @classmethod
    def _whole_address(cls, value: object) -> object:
        if isinstance(value, str) and "://" not in value and value.strip():
            raise ValueError("must start with http:// or https://, as friends type it")  # a guess would lock them out
        return value

    @field_validator("public_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be an origin without a path, such as https://games.example.org")
        return value

    @field_validator("admin_username")
    @classmethod
    def _some_name(cls, value: str) -> str:
        return value.strip() or "admin"

    @field_validator("log_level", "local_model", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _sqlite(cls, value: str) -> str:
        if value and (not re.fullmatch(r"sqlite:///.+", value) or ":memory:" in value):
            raise ValueError("must be empty or name a SQLite file, such as sqlite:////var/lib/vanilla/vanilla.db")
        return value

    @property
    def sqlalchemy_url(self) -> str:
        """Where the database is, as SQLAlchemy names it."""
        return self.database_url or f"sqlite:///{self.data_dir / 'vanilla.db'}"

    @cached_property
    def signing_key(self) -> bytes:
        """The key behind game capabilities: SESSION_SECRET, or one made once and kept in DATA_DIR with mode 600."""
        if given := self.session_secret.get_secret_value():
            return given.encode()
        path = self.data_dir / "session_secret"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32))
            draft.replace(path)
        if not (kept := path.read_text().strip()):
            raise InvalidSettings(f"SESSION_SECRET: {path} is empty; delete it, and a new one is made.")
        return kept.encode()

    def prepare(self) -> None:
        """Make DATA_DIR and the key in it now, not when they are first used. Raises InvalidSettings."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.data_dir):  # so it can be written to
                pass
            _ = self.signing_key
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InvalidSettings(f"DATA_DIR: {self.data_dir} cannot be used: {reason}.") from None


class ClientSettings(BaseSettings):
    """What somebody sets who uses a Vanilla from their own machine: the author of a game, with `upload`."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_file_encoding="utf-8-sig", extra="ignore")

    vanilla_url: str = Field("http://localhost:3000", description="Where Vanilla is.")
    vanilla_token: SecretStr = Field(SecretStr(""), description="An API token, made on the account page there.")


def load_settings(**given: Any) -> Settings:
    """Settings of this process; what is `given` by name wins over the environment, and that over `.env`.

    Raises InvalidSettings with one line that names the variable and what is wrong.
    """
    return _load(Settings, **given)


def load_client_settings() -> ClientSettings:
    """The same for a program that uses a Vanilla. Raises InvalidSettings."""
    return _load(ClientSettings)


def unknown_in_env_file() -> list[tuple[str, str]]:
    """The names in `.env` that set nothing, each with the one that was probably meant, or ""."""
    known = [name.upper() for kind in (Settings, ClientSettings) for name in kind.model_fields]
    try:
        names = [name for name in dotenv_values(ENV_FILE, encoding="utf-8-sig") if name.upper() not in known]
    except (UnicodeDecodeError, OSError):
        return []
    return [(name, next(iter(get_close_matches(name.upper(), known, 1)), "")) for name in names]


def _load(kind: type[Loaded], **given: Any) -> Loaded:
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidSettings(f"{name}: {reason}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidSettings(f".env: the file cannot be read: {error}") from None


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
