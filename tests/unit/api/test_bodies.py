"""Bodies that are no JSON, too large, too deep or of another type: a precise 4xx, and nothing stored."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from aiohttp import ClientSession

from karya.api import requests
from tests.support.memory_service import MemoryService
from tests.support.problem import errors_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"action": NaN}',
        b'{"action": Infinity}',
        b'{"description": "\xff\xfe"}',
        b'{"description": "\\ud800"}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"[" * 1_000_000,
    ],
    ids=["nothing", "half", "NaN", "infinity", "no UTF-8", "half a pair", "deep", "very deep"],
)
async def test_what_is_no_json(client: ClientSession, body: bytes) -> None:
    async with client.post("/v1/jobs", data=body, headers=JSON) as response:
        assert (await problem_of(response, 400))["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
async def test_json_that_is_no_object(client: ClientSession, body: bytes) -> None:
    async with client.post("/v1/jobs", data=body, headers=JSON) as response:
        assert await errors_of(response) == {"": "the body must be a JSON object"}


@pytest.mark.parametrize("depth", [100, 200, 250, 254, 255, 256, 300, 900])
async def test_a_deep_body_is_stored_or_refused_but_never_an_error(
    client: ClientSession, service: MemoryService, depth: int
) -> None:
    body = "[" * depth + "]" * depth
    data = f'{{"action":{{"type":"rest","url":"http://a","body":{body}}}}}'
    async with client.post("/v1/jobs", data=data, headers=JSON) as response:
        if response.status == 400:  # too deep even for the parser
            assert "recursion limit" in (await problem_of(response, 400))["detail"]
        elif response.status != 201:
            assert list(await errors_of(response)) == ["action.body"]
        assert len(service.jobs) == (response.status == 201)


@pytest.mark.parametrize("number", ["1e400", "123456789012345678901234567890"])
async def test_a_number_that_would_be_changed_is_refused(
    client: ClientSession, service: MemoryService, number: str
) -> None:
    data = f'{{"action":{{"type":"rest","url":"http://a","body":{{"n":{number}}}}}}}'
    async with client.post("/v1/jobs", data=data, headers=JSON) as response:
        assert list(await errors_of(response)) == ["action.body"]
    assert not service.jobs


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "", "text/json", "application/json; charset=utf-16"],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/users"])
async def test_another_content_type(client: ClientSession, media_type: str, path: str) -> None:
    async with client.post(path, data=b"{}", headers={"content-type": media_type}) as response:
        assert "application/json" in (await problem_of(response, 415))["detail"]


async def test_parameters_of_the_content_type_do_no_harm(client: ClientSession) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    async with client.post("/v1/users", data=b'{"name": "ann"}', headers=headers) as response:
        assert response.status == 201


async def test_a_large_body_is_refused_by_its_length(client: ClientSession) -> None:
    data = b" " * (requests.MAX_REQUEST_BYTES + 1)
    async with client.post("/v1/jobs", data=BytesIO(data), headers=JSON) as response:
        assert "2,097,152 bytes" in (await problem_of(response, 413))["detail"]


async def test_a_large_body_without_a_length_is_refused_while_it_comes(client: ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b" " * 64 * 1024

    async with client.post("/v1/jobs", data=chunks(), headers=JSON) as response:
        await problem_of(response, 413)


async def test_the_largest_body_is_read(client: ClientSession) -> None:
    job = b'{"action":{"type":"noop"}}'
    data = job + b" " * (requests.MAX_REQUEST_BYTES - len(job))
    async with client.post("/v1/jobs", data=BytesIO(data), headers=JSON) as response:
        assert response.status == 201


async def test_a_body_that_does_not_come(client: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    released = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await released.wait()

    async with client.post("/v1/jobs", data=chunks(), headers=JSON) as response:
        await problem_of(response, 408)
    released.set()


async def test_a_user_is_made_once(client: ClientSession) -> None:
    async with client.post("/v1/users", json={"name": " ann "}) as response:
        assert response.status == 201
        assert (await response.json())["name"] == "ann"
    async with client.post("/v1/users", json={"name": "ann"}) as response:
        assert "'ann' is taken" in (await problem_of(response, 409))["detail"]
    async with client.post("/v1/users", json={"name": " "}) as response:
        assert list(await errors_of(response)) == ["name"]
