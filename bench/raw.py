"""What the parts below Karya do by themselves on this machine: the yardstick for its figures."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import uvloop
from pymongo import IndexModel, MongoClient
from pymongo.database import Database

from bench.filling import Document, Model
from bench.rig import soon
from karya.core.action import NoopAction

T = TypeVar("T")

_TOGETHER = 500
_CONCURRENT = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast MongoDB was at one moment, a second each, for one client that does nothing else: majority and
    journal, on the indexes of Karya."""

    inserts: float
    """Jobs, each with its task, 500 at once."""
    claims: float
    """Tasks that are claimed and ended: two `update_many` for each 500."""


def pace(store_url: str, count: int) -> Pace:
    """Measures it, with so many jobs."""
    with _emptied(store_url) as database:
        documents = _documents(count)
        began = time.perf_counter()
        _insert(database, documents)
        inserted = time.perf_counter()
        _claim_and_end(database, [task["_id"] for _, task in documents])
        claimed = time.perf_counter()
    return Pace(count / (inserted - began), count / (claimed - inserted))


def rested_writes(store_url: str, count: int, pause: float) -> Sequence[float]:
    """What MongoDB alone takes for what lies between the submission of a job and its start, so many times,
    each from rest: a job and its task in a transaction, then its claim. In milliseconds."""
    with _emptied(store_url) as database:
        return [_rested_write(database, job, task, pause) for job, task in _documents(count)]


def _rested_write(database: Database[Document], job: Document, task: Document, pause: float) -> float:
    time.sleep(pause)
    began = time.perf_counter()
    with database.client.start_session() as session, session.start_transaction():
        database.jobs.insert_one(job, session=session)
        database.tasks.insert_one(task, session=session)
    _claim(database, "one", [task["_id"]])
    return 1_000 * (time.perf_counter() - began)


class _emptied:  # noqa: N801 - used like a function
    """A database of the same cluster with the indexes of tasks and jobs, gone afterwards."""

    def __init__(self, store_url: str) -> None:
        self._client: MongoClient[Document] = MongoClient(store_url, tz_aware=True)

    def __enter__(self) -> Database[Document]:
        database = self._client["karya-bench-raw"]
        self._client.drop_database(database.name)
        for name in ("jobs", "tasks"):
            indexes = self._client["karya"][name].list_indexes()
            database[name].create_indexes([_like(index) for index in indexes if index["name"] != "_id_"])
        return database

    def __exit__(self, *_: object) -> None:
        self._client.drop_database("karya-bench-raw")
        self._client.close()


def _like(index: Mapping[str, Any]) -> IndexModel:
    options = {key: value for key, value in index.items() if key in ("name", "partialFilterExpression")}
    return IndexModel(list(index["key"].items()), **options)


def _documents(count: int) -> Sequence[tuple[Document, Document]]:
    model = Model.of(NoopAction(type="noop"))
    return [model.copy(soon(3_600)) for _ in range(count)]


def _insert(database: Database[Document], documents: Sequence[tuple[Document, Document]]) -> None:
    for some in _chunks(documents):
        database.jobs.insert_many([job for job, _ in some], ordered=False)
        database.tasks.insert_many([task for _, task in some], ordered=False)


def _claim_and_end(database: Database[Document], ids: Sequence[str]) -> None:
    for number, some in enumerate(_chunks(ids)):
        wanted = {"_id": {"$in": some}}
        _claim(database, str(number), some)
        ended = {"status": "SUCCEEDED", "started_at": soon(0), "finished_at": soon(0)}
        database.tasks.update_many(wanted, {"$set": ended}, hint="_id_")


def _claim(database: Database[Document], lease_id: str, ids: Sequence[str]) -> None:
    lease = {"id": lease_id, "owner": "raw", "expires_at": soon(20)}
    change = {"$set": {"status": "RUNNING", "lease": lease}}
    database.tasks.update_many({"_id": {"$in": ids}}, change, hint="_id_")


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _TOGETHER] for start in range(0, len(values), _TOGETHER))


class Senders:
    """So many processes in which aiohttp alone sends requests, 100 at once from each, from `with` on."""

    def __init__(self, url: str, processes: int) -> None:
        self._url, self._processes = url, processes

    def __enter__(self) -> "Senders":
        self._pool = multiprocessing.get_context("spawn").Pool(self._processes)
        self.rate(_CONCURRENT * self._processes)  # imports, and the first connections
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()
        self._pool.join()

    def rate(self, count: int) -> float:
        """How many of so many requests a second."""
        began = time.perf_counter()
        self._pool.map(_request_all, [(self._url, count // self._processes)] * self._processes, chunksize=1)
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
