import re

import pytest

from main import assemble, running
from vanilla.settings import Settings


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
