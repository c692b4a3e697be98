"""Which models the patterns of an admin let through."""

from typing import Any

import pytest

from tests.factories import Factory
from vanilla.errors import Invalid
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.services import Services


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


class TestChange:
    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"max_num_ctx": 1}, "The context (num_ctx) should be greater than or equal to 512."),
            ({"max_keep_alive": 10**6}, "The time in memory (keep_alive) should be less than or equal to 86400."),
            ({"game_tokens_per_day": -1}, "The tokens of one game in a day should be greater than or equal to 0."),
            ({"allowed_models": {"ollama": ["x" * 201]}}, "Each pattern should have at most 200 characters."),
        ],
    )
    def test_that_makes_no_sense_is_refused_with_a_sentence(self, given: dict[str, Any], sentence: str) -> None:
        with pytest.raises(Invalid) as raised:
            ControlsChange.of(**given)
        assert raised.value.message == sentence

    async def test_is_told_to_who_must_act_on_it(self, services: Services, make: Factory) -> None:
        by = (await make.user()).id
        told: list[bool] = []
        services.controls.subscribe(lambda controls: told.append(controls.inference_enabled))
        await services.controls.change(ControlsChange(inference_enabled=False), by=by)
        await services.controls.change(ControlsChange(server_tools=True), by=by)
        assert told == [False, False]
