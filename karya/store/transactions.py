"""Transactions with a bounded number of tries."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from karya.store.client import AsyncDatabase

T = TypeVar("T")
TRIES = 8
_FIRST_PAUSE = 0.002
_TOO_LARGE = {388, 112}
"""TransactionTooLargeForCache; and WriteConflict, in which a full cache is dressed up, too."""
_TRANSIENT = "TransientTransactionError"
_GONE = (ServerSelectionTimeoutError, NetworkTimeout)
"""The store was waited for as long as the settings allow: eight times as long helps nobody."""


async def in_transaction(
    database: AsyncDatabase, body: Callable[[AsyncIOMotorClientSession], Awaitable[T]]
) -> T:
    """Runs `body` in a transaction and commits it, all or nothing.

    `body` may run several times (write conflicts, elections), so it must recompute everything that it
    writes. Raises the driver's error when the tries are used up, when the store does not answer, or
    when the commit is unknown after its retries: `body` must be safe to run again then.
    """
    async with await database.client.start_session() as session:
        for number in range(1, TRIES + 1):
            try:
                async with session.start_transaction():
                    result = await body(session)
            except PyMongoError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # the abort failed, and hid why it was made
                    raise asyncio.CancelledError from error
                if number == TRIES or isinstance(error, _GONE) or not error.has_error_label(_TRANSIENT):
                    raise
                await asyncio.sleep(_FIRST_PAUSE * 2**number)
            else:
                return result
    raise AssertionError("unreachable: the last try returns or raises")


def may_be_too_large(error: PyMongoError) -> bool:
    """Whether a transaction failed, its tries used up, on what a smaller one might do."""
    details = error.details or {} if isinstance(error, OperationFailure) else {}
    codes = [problem["code"] for problem in details.get("writeErrors", [])]
    return not _TOO_LARGE.isdisjoint({*codes, getattr(error, "code", None)})
