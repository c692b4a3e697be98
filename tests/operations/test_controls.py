"""Which models the patterns of an admin let through."""

import pytest

from vanilla.operations.controls import Controls


class TestModels:
    @pytest.mark.parametrize(
        ("patterns", "model", "allowed"),
        [
            (("*",), "anything", True),
            ((), "anything", False),
            (("claude-haiku-*",), "claude-haiku-4-5", True),
            (("claude-haiku-*",), "claude-opus-4", False),
            (("llama3.2",), "llama3.2:latest", True),
            (("llama3.2:latest",), "llama3.2", True),
            (("llama3.2",), "llama3.2:70b", False),
            (("LLAMA*",), "llama3.2", False),
        ],
    )
    def test_are_named_by_patterns(self, patterns: tuple[str, ...], model: str, allowed: bool) -> None:
        assert Controls(allowed_models={"ollama": patterns}).allows("ollama", model) is allowed
