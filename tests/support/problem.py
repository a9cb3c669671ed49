"""What a problem+json answer must look like."""

from typing import Any

import aiohttp


async def problem_of(response: aiohttp.ClientResponse, status: int) -> dict[str, Any]:
    """The problem in the answer, checked for its status, its media type and its members."""
    content: dict[str, Any] = await response.json(content_type=None)
    assert response.status == status, content
    assert response.content_type == "application/problem+json"
    assert content["status"] == status
    assert isinstance(content["type"], str)
    assert content["title"]
    assert content["detail"]
    assert set(content) <= {"type", "title", "status", "detail", "errors"}
    assert len(await response.read()) < 20_000
    return content


async def errors_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The fields that a 422 names, with the message of each."""
    content = await problem_of(response, 422)
    assert content["type"] == "urn:karya:problem:invalid-input"
    return {error["field"]: error["message"] for error in content["errors"]}
