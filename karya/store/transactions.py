"""Transactions with a bounded number of tries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import PyMongoError

from karya.store.client import AsyncDatabase
from karya.store.refusals import codes_of

T = TypeVar("T")
TRIES = 8
_FIRST_PAUSE = 0.002
_TOO_LARGE = {388, 112}
"""TransactionTooLargeForCache; and WriteConflict, in which a full cache is dressed up, too."""
_TRANSIENT = "TransientTransactionError"
_UNKNOWN = "UnknownTransactionCommitResult"
_LETTING_GO: set[asyncio.Task[None]] = set()


async def in_transaction(
    database: AsyncDatabase, body: Callable[[AsyncIOMotorClientSession], Awaitable[T]]
) -> T:
    """Runs `body` in a transaction and commits it, all or nothing.

    `body` may run several times (write conflicts, elections), so it must recompute everything that it
    writes. Raises the driver's error when the tries are used up, when the store does not answer, or
    when the commit is unknown after its retries: `body` must be safe to run again then.
    """
    async with _session(database) as session:
        for number in range(1, TRIES + 1):
            try:
                return await _attempt(session, body)
            except PyMongoError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # the abort failed, and hid why it was made
                    raise asyncio.CancelledError from error
                if is_hopeless(error, number):
                    raise
                await asyncio.sleep(pause_after(number))
    raise AssertionError("unreachable: the last try returns or raises")


def is_hopeless(error: PyMongoError, tries: int) -> bool:
    """Whether to try no more after so many: what would not help, or has waited for the store as long as the
    settings allow."""
    return tries == TRIES or error.timeout or not error.has_error_label(_TRANSIENT)


def pause_after(tries: int) -> float:
    """How many seconds to wait before the next one."""
    return _FIRST_PAUSE * (1 << tries)


@asynccontextmanager
async def _session(database: AsyncDatabase) -> AsyncIterator[AsyncIOMotorClientSession]:
    """A session that is ended, or else lets go of what it has locked, also when nobody has time for that."""
    session = await database.client.start_session()
    try:
        yield session
    finally:
        if session.delegate.in_transaction:
            letting_go = asyncio.create_task(_let_go(session), name="abort")
            _LETTING_GO.add(letting_go)
            letting_go.add_done_callback(_LETTING_GO.discard)
        else:
            await session.end_session()


async def _attempt(
    session: AsyncIOMotorClientSession, body: Callable[[AsyncIOMotorClientSession], Awaitable[T]]
) -> T:
    """One try. One that fails for lack of time is left open: the driver would not send its abort any more."""
    session.start_transaction()
    try:
        result = await body(session)
    except BaseException as error:
        if not (isinstance(error, PyMongoError) and error.timeout):
            await session.abort_transaction()
        raise
    await session.commit_transaction()
    return result


async def _let_go(session: AsyncIOMotorClientSession) -> None:
    """Without this, mongod would keep what was written locked for `transactionLifetimeLimitSeconds`, and
    whoever needs the same job would meet a write conflict for as long (decision 0024)."""
    with pymongo.timeout(None):
        await session.end_session()  # aborts


def may_be_committed(error: PyMongoError) -> bool:
    """Whether a transaction that failed with this may have been carried out nevertheless."""
    return error.has_error_label(_UNKNOWN)


def may_be_too_large(error: PyMongoError) -> bool:
    """Whether a transaction failed, its tries used up, on what a smaller one might do."""
    return not _TOO_LARGE.isdisjoint(codes_of(error))
