"""Every list of the API is paged by cursor: the OpenAPI document, which the router is made with, says so; and
whatever is paged there is paged in the commands and in the clients."""

from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from typer.main import get_command

from karya.cli.main import app
from karya.client import AsyncClient
from karya.client.operation import Stream
from tests.support.lists import LISTS, WALKED

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASONS: Mapping[str, str] = {
    "check_batch": "one answer for each job that was sent",
    "discard_letter": "a task as get_task shows it, which has the pages",
    "get_job": "the steps, hooks and tags of one job, as for all that answer with it",
    "get_summary": "the latest twenty tasks and errors: list_tasks and list_errors have the pages",
    "list_occurrences": "instants that a schedule has: computed up to `limit`, stored nowhere",
    "preview_job": "likewise",
    "redrive_letter": "a task as get_task shows it, which has the pages",
    "show_overview": "twelve parts of an hour, and the pools and workers of the cluster",
    "skip_next_occurrence": "the tasks of one occurrence, one for each step",
    "submit_batch": "one id for each job that was sent",
    "trigger_job": "the tasks of one occurrence, one for each step",
}
"""What has a list in its answer without being one."""
SHOWS_A_JOB = {"cancel_job", "pause_job", "resume_job", "submit_job", "update_job"}


@pytest_asyncio.fixture(loop_scope="module")
async def document(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/openapi.json") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_every_list_is_paged_by_cursor(document: dict[str, Any]) -> None:
    unpaged, paged = set(), set()
    for operation in _operations(document):
        fields = _fields(document, operation)
        parameters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
        if "cursor" in parameters:
            assert "next_cursor" in fields
            paged.add(operation["operationId"])
        elif any(_is_list(field) for field in fields.values()):
            unpaged.add(operation["operationId"])
    assert unpaged == REASONS.keys() | SHOWS_A_JOB
    assert paged == LISTS.keys() | WALKED


async def test_every_page_has_a_bound(document: dict[str, Any]) -> None:
    for operation in _operations(document):
        parameters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
        if operation["operationId"] in LISTS:
            assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"]) == (1, 100)
        elif "limit" in parameters:
            assert parameters["limit"]["maximum"] == 1_000, "instants, which are computed"


@pytest.mark.parametrize("name", sorted(LISTS))
async def test_what_is_paged_is_paged_by_command_and_client_too(name: str) -> None:
    command: Any = get_command(app)
    for word in LISTS[name].command.split():
        command = command.commands[word]
    assert {"limit", "cursor", "everything"} <= {parameter.name for parameter in command.params}
    assert isinstance(vars_of(AsyncClient)[LISTS[name].stream], Stream)


def vars_of(kind: type) -> dict[str, Any]:
    """The attributes of a class and its bases, as they are written there."""
    return {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        if path.startswith("/v1/"):
            yield from methods.values()


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The fields of its answer. A list that is the whole answer is a field without a name."""
    (answer,) = [said for status, said in operation["responses"].items() if status.startswith("2")]
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" not in schema:
        return {"": schema}
    name = schema["$ref"].rsplit("/", 1)[-1]
    fields: dict[str, Any] = document["components"]["schemas"][name]["properties"]
    return fields


def _is_list(field: dict[str, Any]) -> bool:
    return "array" in [field.get("type"), *(each.get("type") for each in field.get("anyOf", ()))]
