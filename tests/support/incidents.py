"""What goes wrong in a cluster at night, made to happen by way of the database: no process ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from karya.core.ports import LockLease
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.settings import StoreSettings
from karya.core.times import EPOCH
from karya.store.blocking import SyncDatabase, sync_database
from karya.store.locks import MongoLocks
from karya.store.names import TASKS
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running

_ELSEWHERE = {"endpoint": "tcp://127.0.0.1:9"}


class Incidents:
    """Those of one cluster."""

    def __init__(self, karya: Running) -> None:
        self._karya = karya
        self._database: SyncDatabase = sync_database(StoreSettings(), karya.cluster.store_url)

    def close(self) -> None:
        """Nothing more is going to happen."""
        self._database.client.close()

    @contextmanager
    def another_cluster_leads(self) -> Iterator[None]:
        """One that was given the same database, as the runbook says of KaryaNoLeader."""
        locks = MongoLocks(self._database)

        def take() -> LockLease | None:
            holder = locks.holder(SCHEDULER_LOCK)
            if holder is not None:
                locks.release(LockLease(SCHEDULER_LOCK, holder.owner, holder.token))
            return locks.acquire(SCHEDULER_LOCK, "scheduler@elsewhere/1-a", timedelta(minutes=5), _ELSEWHERE)

        lease = eventually(take, PATIENCE, "the lock")
        assert lease is not None
        try:
            yield
        finally:
            locks.release(lease)

    @contextmanager
    def waiting_for(self, job_id: str, long: timedelta) -> Iterator[None]:
        """The task of this job, which nobody takes, has been due for so long. In the end all is as it was."""
        tasks = self._database[TASKS]
        task: Mapping[str, Any] = tasks.find_one({"job_id": job_id, "status": "READY"}) or {}
        since: datetime = task["due_at"]
        tasks.update_one({"_id": task["_id"]}, {"$set": {"due_at": since - long}})
        try:
            yield
        finally:
            tasks.update_one({"_id": task["_id"]}, {"$set": {"due_at": since}})

    def cut_off(self, job_id: str) -> None:
        """The worker that runs the first attempt of this job seems to be dead: its lease runs out."""
        reaped = "karya_tasks_reaped_total"
        before = self._karya.counted(reaped)
        running = {"job_id": job_id, "status": "RUNNING", "attempts": 1}

        def run_out() -> bool:
            self._database[TASKS].update_one(running, {"$set": {"lease.expires_at": EPOCH}})
            return self._karya.counted(reaped) > before

        eventually(run_out, PATIENCE, "the reaper")
