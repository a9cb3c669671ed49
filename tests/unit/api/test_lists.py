"""Every list of the API is paged by cursor: the OpenAPI document, which the router is made with, says so."""

from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASONS: Mapping[str, str] = {
    "explain_job": "what its open tasks wait for: 200 of them, and whether there are more",
    "get_job": "the steps, hooks and tags of one job",
    "get_summary": "the latest twenty tasks and errors, beside counts of all; list_tasks has the pages",
    "get_task": "one task with the latest 100 errors of its attempts, and whether there are more",
    "list_occurrences": "instants that a schedule has: computed up to `limit`, stored nowhere",
    "show_overview": "twelve parts of an hour, and the pools and workers of the cluster",
}
"""What has a list in its answer without being one."""


async def test_every_list_is_paged_by_cursor(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as answer:
        document = await answer.json()
    unpaged, paged = set(), set()
    for operation in _gets(document):
        fields = _fields(document, operation)
        if "next_cursor" in fields:
            assert "cursor" in {parameter["name"] for parameter in operation["parameters"]}
            paged.add(operation["operationId"])
        elif any(_is_list(field) for field in fields.values()):
            unpaged.add(operation["operationId"])
    assert unpaged == set(REASONS)
    lists = {"list_jobs", "list_tasks", "list_letters", "list_users", "list_tokens", "list_versions"}
    assert paged >= lists | {"audit_ledger"}


def _gets(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        if path.startswith("/v1/") and "get" in methods:
            yield methods["get"]


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The fields of its answer."""
    content = operation["responses"]["200"]["content"]
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    fields: dict[str, Any] = document["components"]["schemas"][name]["properties"] if name else {}
    return fields


def _is_list(field: dict[str, Any]) -> bool:
    return "array" in [field.get("type"), *(each.get("type") for each in field.get("anyOf", ()))]
