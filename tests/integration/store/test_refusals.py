"""What MongoDB refuses is told apart from its being away, and is not hidden by those who try again."""

from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from structlog.testing import capture_logs

from karya.core.errors import StoreRefuses, StoreUnavailable
from karya.store.client import translated
from tests.integration.store.conftest import Mongo


def told_of(error: Exception) -> tuple[type[Exception], list[Any]]:
    """As what an error of the driver is raised, and the codes of which the log tells."""
    with capture_logs() as logs, pytest.raises(StoreUnavailable) as raised, translated():
        raise error
    assert {line["event"] for line in logs} <= {"store_refuses"}
    return raised.type, [line["code"] for line in logs]


async def test_what_is_refused_at_every_try_is_logged_with_its_code(mongo: Mongo) -> None:
    with capture_logs() as logs, pytest.raises(StoreRefuses, match="hint"), translated():
        await mongo.asynchronous.tasks.find({"a": 1}).hint("no such index").to_list(None)
    (line,) = logs
    assert (line["event"], line["code"], line["log_level"]) == ("store_refuses", 2, "error")
    assert "hint" in line["error"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationFailure("not authorized", 13), 13),
        (BulkWriteError({"writeErrors": [{"code": 121, "errmsg": "invalid"}]}), 121),
        (OperationFailure("of a server that gives none"), None),
    ],
    ids=str,
)
def test_other_forms_of_it(error: PyMongoError, code: int | None) -> None:
    assert told_of(error) == (StoreRefuses, [code])


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("interrupted", 11602),
        OperationFailure("anything", 1, {"errorLabels": ["TransientTransactionError"]}),
        BulkWriteError({"writeErrors": [{"code": 112, "errmsg": "WriteConflict"}]}),
        ExecutionTimeout("too late", 50),
        WTimeoutError("no majority", 64),
    ],
    ids=str,
)
def test_what_may_be_granted_at_the_next_try_is_not_logged(error: PyMongoError) -> None:
    assert told_of(error) == (StoreRefuses, [])


@pytest.mark.parametrize("error", [AutoReconnect("gone"), ServerSelectionTimeoutError("gone")], ids=repr)
def test_no_answer_is_no_refusal(error: PyMongoError) -> None:
    assert told_of(error) == (StoreUnavailable, [])
