import re

import pytest

from main import assemble, running
from vanilla.settings import InvalidSettings, Settings


async def test_the_first_start_prints_the_admins_password_once(
    settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    unset = settings.model_copy(update={"admin_password": type(settings.admin_password)(""), "admin_username": "root"})
    async with running(services := assemble(unset)):
        printed = capsys.readouterr().out
        found = re.search(r"Sign in as root with the password (\S+)", printed)
        assert found is not None
        assert (await services.users.authenticate("root", found[1])).is_admin
        assert found[1] not in caplog.text
    async with running(assemble(unset)):
        assert capsys.readouterr().out == ""


async def test_a_password_that_was_set_is_used_and_not_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(services := assemble(settings)):
        assert capsys.readouterr().out == ""
        password = settings.admin_password.get_secret_value()
        assert (await services.users.authenticate(settings.admin_username, password)).is_admin


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"admin_password": "short"}, "at least 8 characters"),
        ({"admin_password": "x" * 73}, "at most 72"),
        ({"admin_username": "x" * 41}, "1 to 40 characters"),
    ],
)
async def test_an_admin_that_cannot_be_made_stops_the_start(
    settings: Settings, fields: dict[str, str], says: str
) -> None:
    wrong = Settings(**{**settings.model_dump(), **fields})
    with pytest.raises(InvalidSettings, match=f"^ADMIN_USERNAME, ADMIN_PASSWORD: .*{says}"):
        async with running(assemble(wrong)):
            pass
    async with running(assemble(settings)) as _:  # nothing was left half open
        pass
