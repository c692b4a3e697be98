"""Marks for tests that need the embedded model's two packages."""

import pytest

from vanilla.inference.local.process import LocalModel

needs_model = [
    pytest.mark.model,
    pytest.mark.skipif(
        not LocalModel.is_installed(),
        reason="the embedded model is not installed (requirements-model.txt): no package for this platform",
    ),
]
