"""What the parts below Karya do by themselves on this machine: the yardstick for its figures."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence

import aiohttp
import uvloop
from pymongo import MongoClient
from pymongo.database import Database

from bench.filling import Document, Model
from bench.rig import soon
from karya.core.action import NoopAction

_TASKS = 10_000
_TOGETHER = 500
_CONCURRENT = 100


def claims_and_ends(store_url: str) -> float:
    """How many documents a second MongoDB claims and ends for one client that does nothing else: two
    `update_many` for each 500, with majority and journal, on the indexes of tasks."""
    with _emptied(store_url) as database:
        ids = _insert(database, _TASKS)
        began = time.perf_counter()
        for number, chunk in enumerate(_chunks(ids)):
            wanted = {"_id": {"$in": chunk}}
            lease = {"id": str(number), "owner": "raw", "expires_at": soon(20)}
            database.tasks.update_many(wanted, {"$set": {"status": "RUNNING", "lease": lease}}, hint="_id_")
            ended = {"status": "SUCCEEDED", "started_at": soon(0), "finished_at": soon(0)}
            database.tasks.update_many(wanted, {"$set": ended}, hint="_id_")
        return _TASKS / (time.perf_counter() - began)


def inserts(store_url: str) -> float:
    """How many jobs, each with its task, MongoDB stores a second for one client, 500 at once."""
    with _emptied(store_url) as database:
        began = time.perf_counter()
        _insert(database, _TASKS)
        return _TASKS / (time.perf_counter() - began)


class _emptied:  # noqa: N801 - used like a function
    """A database of the same cluster with the indexes of tasks and jobs, gone afterwards."""

    def __init__(self, store_url: str) -> None:
        self._client: MongoClient[Document] = MongoClient(store_url, tz_aware=True)

    def __enter__(self) -> Database[Document]:
        database = self._client["karya-bench-raw"]
        self._client.drop_database(database.name)
        for name in ("jobs", "tasks"):
            for index in self._client["karya"][name].list_indexes():
                options = {k: v for k, v in index.items() if k in ("name", "partialFilterExpression")}
                if index["name"] != "_id_":
                    database[name].create_index(list(index["key"].items()), **options)
        return database

    def __exit__(self, *_: object) -> None:
        self._client.drop_database("karya-bench-raw")
        self._client.close()


def _insert(database: Database[Document], count: int) -> Sequence[str]:
    model = Model.of(NoopAction(type="noop"))
    pairs = [model.copy(soon(3_600)) for _ in range(count)]
    for start in range(0, count, _TOGETHER):
        some = pairs[start : start + _TOGETHER]
        database.jobs.insert_many([job for job, _ in some], ordered=False)
        database.tasks.insert_many([task for _, task in some], ordered=False)
    return [task["_id"] for _, task in pairs]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _TOGETHER] for start in range(0, len(ids), _TOGETHER))


def requests(url: str, count: int, processes: int) -> float:
    """How many requests a second aiohttp alone sends from so many processes, 100 at once from each."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        pool.map(_request_all, [(url, _CONCURRENT)] * processes)  # imports, and the first connections
        began = time.perf_counter()
        pool.map(_request_all, [(url, count // processes)] * processes)
        return count / (time.perf_counter() - began)


def _request_all(order: tuple[str, int]) -> None:
    uvloop.run(_send(*order))


async def _send(url: str, count: int) -> None:
    left = iter(range(count))

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.get(url) as response:
                await response.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(_CONCURRENT)))
