"""One embedded model for all tests of a module that asks for it: starting it takes most of a second."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.servers import measured
from vanilla.inference.local import process
from vanilla.inference.local.process import LocalModel

HOST_KEY = "sk-ant-that-the-model-must-not-see"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    local = LocalModel()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANTHROPIC_API_KEY", HOST_KEY)
        environment.setattr(process, "_ENVIRONMENT", {**process._ENVIRONMENT, **measured()})
        await local.endpoint()
    yield local
    await local.close()
