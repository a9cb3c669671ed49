"""Operations that follow one another without a turn of the event loop between them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from karya.store.client import AsyncDatabase
from karya.store.transactions import TRIES, is_hopeless, pause_after

T = TypeVar("T")

_THREADS = ThreadPoolExecutor(8, thread_name_prefix="transaction")
_READERS = ThreadPoolExecutor(8, thread_name_prefix="reading")
"""Apart from those that write: a search may take long."""


async def read_in_one_thread(body: Callable[[], T]) -> T:
    """What a body returns that asks the blocking driver several times. Motor comes back to the event loop
    with each answer, and on busy processors each way there and back is a wait of its own."""
    # In the caller's context is the deadline, of which waiting for a thread is part (`client.in_time`).
    return await asyncio.get_running_loop().run_in_executor(_READERS, copy_context().run, body)


async def in_one_thread(database: AsyncDatabase, body: Callable[[ClientSession], T]) -> T:
    """As `in_transaction`, for a body that asks the blocking driver.

    Motor comes back to the event loop with the answer to each operation, and where many requests are under
    way each of these turns takes longer than the database. It is not given up when its caller is cancelled,
    who then does not know what was written, as with any answer that is lost.
    """
    # In the caller's context is the deadline, of which waiting for a thread is part (`client.in_time`).
    call = copy_context().run
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, call, _transaction, database.client.delegate, body)


def _transaction(client: "pymongo.MongoClient[dict[str, object]]", body: Callable[[ClientSession], T]) -> T:
    session = client.start_session()
    try:
        for number in range(1, TRIES + 1):
            try:
                return _attempt(session, body)
            except PyMongoError as error:
                if is_hopeless(error, number):
                    raise
                time.sleep(pause_after(number))
        raise AssertionError("unreachable: the last try returns or raises")
    finally:
        if session.in_transaction:
            # Behind the answer, and in a thread of its own: the caller's deadline is not known there.
            Thread(target=_let_go, args=[session], name="abort", daemon=True).start()
        else:
            session.end_session()


def _attempt(session: ClientSession, body: Callable[[ClientSession], T]) -> T:
    """One try. One that fails for lack of time is left open: the driver would not send its abort any more."""
    session.start_transaction()
    try:
        result = body(session)
    except BaseException as error:
        if not (isinstance(error, PyMongoError) and error.timeout):
            session.abort_transaction()
        raise
    session.commit_transaction()
    return result


def _let_go(session: ClientSession) -> None:
    """See `transactions._let_go`. Where even that fails, mongod lets go by itself in the end."""
    with suppress(PyMongoError):
        session.end_session()  # aborts
