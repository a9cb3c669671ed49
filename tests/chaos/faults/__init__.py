"""Every fault by its name. A new one is a class in a file of this folder, and a line here."""

from tests.chaos.faults.base import Registry
from tests.chaos.faults.between import (
    MessagesDelayed,
    MessagesLost,
    MessagesRepeated,
    MessagesSilenced,
    RepliesDelayed,
    RepliesLost,
)
from tests.chaos.faults.clocks import SchedulerClock, ServerClock, WorkerClock
from tests.chaos.faults.disk import DiskFull
from tests.chaos.faults.everything import EverythingKilled
from tests.chaos.faults.kills import (
    AllWorkersKilled,
    MongodKilled,
    SchedulerKilled,
    ServerKilled,
    SupervisorKilled,
    WorkerKilled,
)
from tests.chaos.faults.members import MajorityLost, PrimaryKilled, StepsDown
from tests.chaos.faults.nodes import AllNodesKilled, NodeKilled
from tests.chaos.faults.orderly import Restarted, WorkerTerminated
from tests.chaos.faults.poison import Poisonous
from tests.chaos.faults.ray import GcsKilled, RayKilled, RayletKilled
from tests.chaos.faults.replies import RepliesDropped, WritesDoubted, WritesDropped
from tests.chaos.faults.stops import (
    AllWorkersStopped,
    MongodStopped,
    SchedulerStopped,
    ServerStopped,
    SupervisorStopped,
    WorkerStopped,
)
from tests.chaos.faults.targets import Circling, Dripping, Flooding, Hanging, HugeHeaders, Resetting

FAULTS: Registry = {
    fault.name: fault
    for fault in (
        SchedulerKilled,
        SchedulerStopped,
        WorkerKilled,
        WorkerStopped,
        AllWorkersKilled,
        AllWorkersStopped,
        ServerKilled,
        ServerStopped,
        SupervisorKilled,
        SupervisorStopped,
        WorkerTerminated,
        Restarted,
        MongodKilled,
        MongodStopped,
        EverythingKilled,
        RayletKilled,
        GcsKilled,
        RayKilled,
        NodeKilled,
        AllNodesKilled,
        PrimaryKilled,
        StepsDown,
        MajorityLost,
        WritesDoubted,
        WritesDropped,
        RepliesDropped,
        RepliesLost,
        RepliesDelayed,
        MessagesLost,
        MessagesSilenced,
        MessagesRepeated,
        MessagesDelayed,
        SchedulerClock,
        WorkerClock,
        ServerClock,
        DiskFull,
        Poisonous,
        Hanging,
        Dripping,
        Flooding,
        HugeHeaders,
        Resetting,
        Circling,
    )
}
"""In the order of the table."""
