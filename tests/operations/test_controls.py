"""Which models the patterns of an admin let through."""

from typing import Any

import pytest

from tests.factories import Factory
from vanilla.errors import Invalid
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.services import Services
from vanilla.settings import Settings


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


class TestDefaults:
    """What an admin sets for whoever has nothing else."""

    async def test_a_limit_of_new_users_holds_where_none_is_named(self, make: Factory) -> None:
        admin = await make.admin()
        change = {"default_token_limit": 5000, "default_limit_period": "month"}
        assert (await admin.patch("/admin/api/settings", json=change)).status_code == 200
        for body, expected in (
            ({}, (5000, "month")),
            ({"limit_period": "day"}, (5000, "day")),
            ({"token_limit": None}, (None, "total")),
            ({"token_limit": 7, "limit_period": "day"}, (7, "day")),
        ):
            user = {"username": f"u{len(str(body))}", "password": "a long password", **body}
            made = (await admin.post("/admin/api/users", json=user)).json()
            assert (made["token_limit"], made["limit_period"]) == expected
            invited = (await admin.post("/admin/api/invitations", json=body)).json()
            assert (invited["token_limit"], invited["limit_period"]) == expected
        await admin.patch("/admin/api/settings", json={"default_token_limit": None})
        made = (await admin.post("/admin/api/users", json={"username": "last", "password": "a long password"})).json()
        assert made["token_limit"] is None

    @pytest.mark.parametrize(
        ("setting", "set_by_admin", "usual"), [(0, None, None), (5, None, 5), (5, 0, None), (5, 9, 9), (0, 9, 9)]
    )
    def test_a_pace_goes_before_that_of_the_settings(
        self, setting: int, set_by_admin: int | None, usual: int | None
    ) -> None:
        settings = Settings(requests_per_minute=setting, concurrent_calls=setting)
        controls = Controls(requests_per_minute=set_by_admin, concurrent_calls=set_by_admin)
        assert controls.usual_pace(settings) == (usual, usual)

    async def test_what_changes_is_in_the_audit_and_what_does_not_is_not(self, make: Factory) -> None:
        admin = await make.admin()
        for change in ({"max_num_ctx": 8192}, {"max_num_ctx": 8192}, {"inference_enabled": False}):
            await admin.patch("/admin/api/settings", json=change)
        rows = (await admin.get("/admin/api/audit")).json()["items"]
        assert [(row["action"], row["subject"], row["details"]) for row in rows[:2]] == [
            ("inference.stop", "", {}),
            ("settings.update", "max_num_ctx", {"max_num_ctx": [32768, 8192]}),
        ]
