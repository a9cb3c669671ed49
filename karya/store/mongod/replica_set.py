"""Makes a mongod the primary of its own single-node replica set, which transactions need."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "karya"
HOST = "127.0.0.1"
_NOT_YET_INITIALIZED = 94
_PAUSE = 0.05
_PROBE_MILLIS = 1_000

Client = MongoClient[dict[str, Any]]


def await_primary(port: int, pid: int, timeout: timedelta, check: Callable[[], None]) -> None:
    """Blocks until the mongod with this pid is a writable primary under the address of this port.

    Initiates the replica set on an empty data directory; forces the new address upon it when it last
    ran on another port. `check` is called between the looks and raises to give up early. Raises
    TimeoutError after the timeout.
    """
    deadline = time.monotonic() + timeout.total_seconds()
    client: Client
    with MongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=_PROBE_MILLIS,
        connectTimeoutMS=_PROBE_MILLIS,
        socketTimeoutMS=int(timeout.total_seconds() * 1_000),
    ) as client:
        while not _is_primary(client, port, pid):
            check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"no writable primary within {timeout.total_seconds():g} s")
            time.sleep(_PAUSE)


def _is_primary(client: Client, port: int, pid: int) -> bool:
    try:
        if not _is_ours(client, pid):
            return False
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return bool(hello["me"] == f"{HOST}:{port}")
        if "setName" not in hello:
            _configure(client, port)
    except PyMongoError:
        # Not up yet, or still recovering; the deadline decides, and the log names the reason.
        return False
    return False


def _is_ours(client: Client, pid: int) -> bool:
    # Another mongod may own the port, and would answer well enough to be taken for ours, or be reconfigured.
    return bool(client.admin.command("serverStatus", none=1)["pid"] == pid)


def _configure(client: Client, port: int) -> None:
    config = _config(client)
    if config is None:
        fresh = {"_id": NAME, "members": [{"_id": 0, "host": f"{HOST}:{port}"}]}
        client.admin.command("replSetInitiate", fresh)
    elif config["members"][0]["host"] != f"{HOST}:{port}":
        config["members"][0]["host"] = f"{HOST}:{port}"
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _config(client: Client) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            return None
        raise
    return found
