"""Settings: from the environment alone, with one readable line when a value is wrong."""

import stat
from pathlib import Path

import pytest

from vanilla.settings import InvalidSettings, Settings, load_settings


class TestLoading:
    def test_defaults_need_nothing(self) -> None:
        settings = load_settings()
        assert (settings.port, settings.host, settings.local_model) == (3000, "127.0.0.1", "auto")
        assert settings.sqlalchemy_url == "sqlite:///data/vanilla.db"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "many"),
            ("PORT", "70000"),
            ("LOCAL_MODEL", "maybe"),
            ("PUBLIC_URL", "ftp://x"),
            ("PUBLIC_URL", "https://example.org/games"),
            ("OLLAMA_URL", "http://"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
            ("LOG_LEVEL", "loud"),
            ("MAX_UPLOAD_MB", "0"),
            ("DATABASE_URL", "postgresql://localhost/vanilla"),
            ("PUBLIC_URL", "games.example.org"),
            ("PUBLIC_URL", "https://games.example.org?x=1"),
            ("OLLAMA_URL", "http://localhost:port"),
            ("ANTHROPIC_BASE_URL", "http://localhost:99999"),
            ("DATABASE_URL", "nonsense"),
            ("DATABASE_URL", "sqlite://"),
            ("DATABASE_URL", "sqlite:///:memory:"),
            ("EXAMPLE_GAMES", "perhaps"),
        ],
    )
    def test_a_wrong_value_is_one_line_that_names_the_variable(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(InvalidSettings) as raised:
            load_settings()
        assert str(raised.value).startswith(f"{name}: ")
        assert "\n" not in str(raised.value)

    def test_values_are_parsed_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "OLLAMA_URL": "gpu.local:11434/",
            "TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1",
            "LOG_LEVEL": "INFO",
            "PUBLIC_URL": "https://games.example.org/",
            "NODE_ENV": "development",
        }.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()
        assert settings.ollama_url == "http://gpu.local:11434"
        assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "127.0.0.1/32"]
        assert (settings.log_level, settings.public_url) == ("info", "https://games.example.org")

    def test_what_is_left_empty_has_its_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        defaults = load_settings()
        for name in Settings.model_fields.keys() - {"ollama_url"}:
            monkeypatch.setenv(name.upper(), "")
        assert load_settings() == defaults

    def test_an_empty_ollama_url_is_no_ollama(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OLLAMA_URL", "")
        assert load_settings().ollama_url == ""

    @pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
    def test_the_env_file_counts_and_the_environment_wins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
    ) -> None:
        (tmp_path / ".env").write_bytes(
            start + b'PORT=4000\nHOST=0.0.0.0\n# no\nADMIN_USERNAME="Mira B" # yes\nOTHER=1\n'
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setitem(Settings.model_config, "env_file", ".env")
        monkeypatch.setenv("HOST", "127.0.0.2")
        settings = load_settings()
        assert (settings.port, settings.host, settings.admin_username) == (4000, "127.0.0.2", "Mira B")

    def test_an_env_file_that_is_no_text_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".env").write_text("PORT=4000", encoding="utf-16")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setitem(Settings.model_config, "env_file", ".env")
        with pytest.raises(InvalidSettings, match=r"^\.env: "):
            load_settings()

    def test_a_secret_does_not_show(self) -> None:
        assert "sk-ant" not in repr(Settings(anthropic_api_key="sk-ant-x"))


class TestSigningKey:
    def test_is_made_once_and_kept_from_others(self, tmp_path: Path) -> None:
        first = Settings(data_dir=tmp_path / "data").signing_key
        assert len(first) >= 32
        assert Settings(data_dir=tmp_path / "data").signing_key == first
        assert stat.S_IMODE((tmp_path / "data" / "session_secret").stat().st_mode) == 0o600

    def test_is_the_hosts_own_when_set(self, tmp_path: Path) -> None:
        assert Settings(data_dir=tmp_path, session_secret="mine").signing_key == b"mine"
        assert not (tmp_path / "session_secret").exists()

    def test_an_empty_one_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "session_secret").touch()
        with pytest.raises(InvalidSettings, match="delete it"):
            _ = Settings(data_dir=tmp_path).signing_key
