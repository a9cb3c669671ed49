"""Drives the published Python client: a call a line on standard input, an answer a line on standard output.

It runs in an environment of its own, because the client is imported under the name karya, too. The lines
are described in tests/support/upstream_clients.py.
"""

import asyncio
import dataclasses
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import httpx
from karya.clients import KaryaRestClient, requests
from karya.clients.config import ClientConfig
from karya.entities import Hook, Trigger, actions, plan_types
from karya.entities.enums import Method, Protocol

CLASSES: dict[str, Any] = {
    **vars(requests),
    **vars(actions),
    **vars(plan_types),
    "Hook": Hook,
    "EmptyBody": actions.RestApiRequest.EmptyBody,
    "JsonBody": actions.RestApiRequest.JsonBody.from_dict,
}
ENUMS = {"protocol": Protocol, "method": Method, "trigger": Trigger}


def built(value: Any) -> Any:
    """What a description stands for."""
    if isinstance(value, list):
        return [built(each) for each in value]
    if not isinstance(value, dict) or "new" not in value:
        return value
    fields = {name: ENUMS.get(name, built)(each) for name, each in value["with"].items()}
    made = CLASSES[value["new"]](**fields)
    if value["new"] == "UpdatePlanRequest":
        made.id = made.plan_id  # this client's own mistake: it asks the request for an id that it has not
    return made


def plain(value: Any) -> Any:
    """What JSON cannot hold otherwise."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value.value


async def answered(client: KaryaRestClient, line: str) -> dict[str, Any]:
    call = json.loads(line)
    try:
        return {"result": await getattr(client, call["method"])(*map(built, call["args"]))}
    except httpx.HTTPStatusError as error:
        return {"status": error.response.status_code, "body": error.response.text}


async def main() -> None:
    where = urlsplit(sys.argv[1])
    client = KaryaRestClient(ClientConfig(Protocol.HTTP, where.hostname, where.port))
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answered(client, line), default=plain), flush=True)
    await client.close()


asyncio.run(main())
