"""`karya audit`: of a cluster that runs, of what a killed one has left, and of any MongoDB."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest

from karya.store.datadir import DataDirectory
from karya.store.embedded import EmbeddedMongod
from karya.store.names import TASKS
from tests.integration.cli.command import Up, await_nothing_left, karya, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

JOBS = (
    '{"schedule": {"kind": "interval", "every": "PT0.5S", "max_runs": 3}, "action": {"type": "noop"}}',
    '{"action": {"type": "noop"}, "hooks": [{"trigger": "ON_COMPLETION", "action": {"type": "noop"}}]}',
    '{"schedule": {"kind": "interval", "every": "PT1S"}, "action": {"type": "noop"}}',
)


@contextmanager
def mongod_of(home: Path) -> Iterator[EmbeddedMongod]:
    mongod = EmbeddedMongod(home / ".karya")
    mongod.start()
    try:
        yield mongod
    finally:
        mongod.stop()


def damage(mongod: EmbeddedMongod) -> str:
    """One occurrence gets lost; its instant."""
    with pymongo.MongoClient(mongod.url) as client:
        tasks = client["karya"].get_collection(TASKS)
        lost = tasks.find_one_and_delete({"status": "SUCCEEDED", "kind": "step"})
    assert lost
    return f"{lost['instant'].isoformat(timespec='milliseconds')}Z"


def test_the_ledger_is_proven_with_and_without_a_cluster(tmp_path: Path) -> None:
    nowhere = karya(tmp_path, "audit")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "no cluster runs on the data directory" in nowhere.stderr
    with Up(tmp_path, "--workers", "1", KARYA_SCHEDULER__LEASE="PT5S") as up:
        up.await_url()
        for job in JOBS:
            assert karya(tmp_path, "submit", "-", text=job).returncode == 0
        until(lambda: counted(tmp_path)["succeeded"] >= 6, 60, "six successes")
        alive = karya(tmp_path, "audit")
        assert (alive.returncode, alive.stdout.splitlines()[-1]) == (0, "clean")
        assert "3 jobs" in alive.stdout and "no scheduler" not in alive.stdout
        wrong = karya(tmp_path, "audit", "--from", "yesterday")
        assert (wrong.returncode, wrong.stderr.startswith("karya: refused: from: ")) == (2, True)
        assert karya(tmp_path, "audit", "--job", "nobody").returncode == 6
        up.kill_everything()
    await_nothing_left(tmp_path)

    until(
        lambda: "no scheduler leads (last: 20" in karya(tmp_path, "audit").stdout, 60, "the end of the lock"
    )
    dead = karya(tmp_path, "audit")
    assert (dead.returncode, dead.stdout.splitlines()[-1]) == (0, "clean"), dead.stdout + dead.stderr
    await_nothing_left(tmp_path)

    with mongod_of(tmp_path) as mongod:
        instant = damage(mongod)
        damaged = karya(tmp_path, "audit", "--mongo-url", mongod.url)
    assert damaged.returncode == 4
    told = [
        line for line in damaged.stdout.splitlines() if line.startswith("missing_instant (I1, I2, I5): job ")
    ]
    assert len(told) == 1 and f" at {instant}: " in told[0]
    assert damaged.stdout.splitlines()[-1].endswith("1 violation")
    as_json = karya(tmp_path, "audit", "--json")
    assert as_json.returncode == 4
    (finding,) = json.loads(as_json.stdout)["findings"]
    assert (finding["code"], finding["instant"]) == ("missing_instant", instant)
    before = karya(tmp_path, "audit", "--to", instant, "--json")
    assert (before.returncode, json.loads(before.stdout)["findings"]) == (0, [])


def counted(home: Path) -> dict[str, int]:
    done = karya(home, "audit", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    instants: dict[str, int] = json.loads(done.stdout)["counts"]["instants"]
    return instants


def test_a_directory_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with mongod_of(tmp_path):
        pass
    with DataDirectory(tmp_path / ".karya", "somebody"):
        refused = karya(tmp_path, "audit")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is held by" in refused.stderr
