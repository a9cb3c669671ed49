"""The replica set that the faults break, and that MongoDB's fail points do what the faults say they do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from tests.chaos.faults.replies import Replies, RepliesDropped, WritesDoubted, WritesDropped
from tests.chaos.replica_set import ReplicaSet
from tests.support.eventually import eventually

pytestmark = pytest.mark.timeout(180)

Client = pymongo.MongoClient[Mapping[str, Any]]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    members = ReplicaSet(tmp_path_factory.mktemp("members"))
    try:
        members.start()
        yield members
    finally:
        members.stop()


@pytest.fixture
def client(members: ReplicaSet) -> Iterator[Client]:
    client: Client
    with pymongo.MongoClient(
        members.url, appname="karya", retryWrites=False, w="majority", journal=True
    ) as client:
        client.test.kept.delete_many({})
        yield client


@pytest.mark.parametrize(("fault", "applied"), [(WritesDoubted, 1), (WritesDropped, 0)])
def test_the_reply_fails_and_the_write_is_what_the_fault_says(
    members: ReplicaSet, client: Client, fault: type[Replies], applied: int
) -> None:
    with _always(members, fault.point, fault.how), pytest.raises(PyMongoError):
        client.test.kept.insert_one({"_id": "write"})
    assert client.test.kept.count_documents({}) == applied


def test_a_commit_whose_reply_fails_is_done(members: ReplicaSet, client: Client) -> None:
    how = {**WritesDoubted.how, "failCommands": ["commitTransaction"]}
    with client.start_session() as session:
        session.start_transaction()
        client.test.kept.insert_one({"_id": "commit"}, session=session)
        with _always(members, WritesDoubted.point, how), pytest.raises(PyMongoError):
            session.commit_transaction()
    assert client.test.kept.count_documents({}) == 1


def test_a_write_whose_reply_is_dropped_is_done_once(members: ReplicaSet, client: Client) -> None:
    asking_again: Client
    with (
        pymongo.MongoClient(members.url) as asking_again,
        _always(members, RepliesDropped.point, RepliesDropped.how),
    ):
        asking_again.test.kept.update_one({"_id": "once"}, {"$inc": {"times": 1}}, upsert=True)
    assert client.test.kept.find_one() == {"_id": "once", "times": 1}


@contextmanager
def _always(members: ReplicaSet, point: str, how: Mapping[str, Any]) -> Iterator[None]:
    """Fails everything that the fault would only fail a share of; AssertionError if that was nothing."""
    before = members.fail(point, "alwaysOn", how)
    try:
        yield
    finally:
        after = members.fail(point, "off", {})
    assert after > before, f"{point} was never hit"


def test_another_member_takes_over_from_a_dead_primary(members: ReplicaSet, client: Client) -> None:
    client.test.kept.insert_one({"_id": "acknowledged"})
    dead = members.primary()
    assert dead is not None
    members.kill(dead)
    eventually(lambda: members.primary() not in (None, dead), 40, "another primary")
    assert client.test.kept.count_documents({"_id": "acknowledged"}) == 1
    members.begin(dead)


def test_the_share_of_writes_comes_from_the_seed() -> None:
    first, second, other = (WritesDoubted(Random(seed)).plan for seed in (1, 1, 2))
    assert first == second != other
