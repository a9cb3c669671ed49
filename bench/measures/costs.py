"""What one task of a drain takes of processors, journal and network. bench/scaling goes by it."""

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import psutil

from bench.figures import Figure
from bench.rig import Rig, cpu_seconds

_TASKS = 20_000
_PATIENCE_SECONDS = 60


def costs(rig: Rig) -> Sequence[Figure]:
    """A drain of 20,000, by process and by what mongod and the machine count."""
    rig.empty()
    run = rig.prepare(_TASKS)
    processes = {
        "scheduler": [p for name, p in rig.processes().items() if name.startswith("Scheduler")],
        "workers": [p for name, p in rig.processes().items() if name.startswith("Worker")],
        "mongod": [p for name, p in rig.others().items() if name.startswith("mongod")],
    }
    time.sleep(max(0.0, run.first.timestamp() - time.time()))
    before = {part: cpu_seconds(found) for part, found in processes.items()}
    journal, machine = Journal.of(rig), Machine.now()
    run.await_end(_PATIENCE_SECONDS)
    journal, machine = Journal.of(rig).since(journal), Machine.now().since(machine)
    used = {part: 1e6 * (cpu_seconds(found) - before[part]) / _TASKS for part, found in processes.items()}
    used["all others"] = 1e6 * machine.busy / _TASKS - sum(used.values())
    return [
        *(Figure(f"processor for one task, {part}", cpu, "us") for part, cpu in used.items()),
        *machine.figures(),
        *journal.figures(_TASKS),
        Figure("drain of 20,000 due no-op jobs", _TASKS / run.seconds, "jobs/s"),
    ]


@dataclass(frozen=True, slots=True)
class Machine:
    """Seconds of all its processors; they only rise."""

    busy: float
    idle: float
    stolen: float

    @classmethod
    def now(cls) -> "Machine":
        """As they stand."""
        times = psutil.cpu_times()
        idle, stolen = times.idle + times.iowait, times.steal
        return cls(times.user + times.nice + times.system + times.irq + times.softirq, idle, stolen)

    def since(self, before: "Machine") -> "Machine":
        """What has come to them."""
        return Machine(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    def figures(self) -> Sequence[Figure]:
        """What was left of the processors, and what whoever runs the machine took of them."""
        whole = self.busy + self.idle + self.stolen
        return [
            Figure("processors idle meanwhile", 100 * self.idle / whole, "%"),
            Figure("processors taken by the host meanwhile", 100 * self.stolen / whole, "%"),
        ]


@dataclass(frozen=True, slots=True)
class Journal:
    """Counters of mongod that only rise."""

    bytes: float
    flushes: float
    flushing_us: float
    network: float
    updates: float
    updated: float

    @classmethod
    def of(cls, rig: Rig) -> "Journal":
        """As they stand."""
        status = rig.database.client.admin.command("serverStatus")
        log, network, metrics = status["wiredTiger"]["log"], status["network"], status["metrics"]
        return cls(
            log["log bytes written"],
            log["log sync operations"],
            log["log sync time duration (usecs)"],
            network["bytesOut"] + network["bytesIn"],
            metrics["commands"]["update"]["total"],
            metrics["document"]["updated"],
        )

    def since(self, before: "Journal") -> "Journal":
        """What has come to them."""
        return Journal(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    def figures(self, tasks: int) -> Sequence[Figure]:
        """What one task took of them, and what one flush and one update did."""
        return [
            Figure("journal for one task", self.bytes / tasks, "bytes"),
            Figure("network of mongod for one task", self.network / tasks, "bytes"),
            Figure("flushes of the journal for 1,000 tasks", 1_000 * self.flushes / tasks, ""),
            Figure("one flush of the journal, on average", self.flushing_us / self.flushes / 1_000, "ms"),
            Figure("documents in one update, on average", self.updated / self.updates, ""),
        ]
