"""MongoDB does what the ports of the store promise."""

from tests.conformance.store.agenda import AgendaConformance
from tests.conformance.store.claims import ClaimsConformance
from tests.conformance.store.commits import CommitsConformance
from tests.conformance.store.fencing import FencingConformance
from tests.conformance.store.firing import FiringConformance
from tests.conformance.store.gates import GatesConformance
from tests.conformance.store.job_lists import JobListsConformance
from tests.conformance.store.jobs import JobsConformance
from tests.conformance.store.ledger import LedgerConformance
from tests.conformance.store.lifecycle import (
    PausingConformance,
    SkippingConformance,
    TriggeringConformance,
)
from tests.conformance.store.limit_turns import LimitTurnsConformance
from tests.conformance.store.limits import LimitsConformance
from tests.conformance.store.locks import LocksConformance
from tests.conformance.store.misfires import MisfireConformance
from tests.conformance.store.mixed_limits import MixedLimitsConformance
from tests.conformance.store.names import NamesConformance
from tests.conformance.store.renewals import RenewalsConformance
from tests.conformance.store.revisions import RevisionsConformance
from tests.conformance.store.settling import SettlingConformance
from tests.conformance.store.slots import SlotsConformance
from tests.conformance.store.stalled import StalledConformance
from tests.conformance.store.tasks import TasksConformance
from tests.conformance.store.users_and_logs import ErrorLogsConformance, UsersConformance


class TestClaims(ClaimsConformance):
    pass


class TestRenewals(RenewalsConformance):
    pass


class TestCommits(CommitsConformance):
    pass


class TestFiring(FiringConformance):
    pass


class TestGates(GatesConformance):
    pass


class TestFencing(FencingConformance):
    pass


class TestJobs(JobsConformance):
    pass


class TestNames(NamesConformance):
    pass


class TestJobLists(JobListsConformance):
    pass


class TestSettling(SettlingConformance):
    pass


class TestTasks(TasksConformance):
    pass


class TestUsers(UsersConformance):
    pass


class TestErrorLogs(ErrorLogsConformance):
    pass


class TestLocks(LocksConformance):
    pass


class TestAgenda(AgendaConformance):
    pass


class TestStalled(StalledConformance):
    pass


class TestMisfire(MisfireConformance):
    pass


class TestSlots(SlotsConformance):
    pass


class TestPausing(PausingConformance):
    pass


class TestTriggering(TriggeringConformance):
    pass


class TestSkipping(SkippingConformance):
    pass


class TestRevisions(RevisionsConformance):
    pass


class TestLedger(LedgerConformance):
    pass


class TestLimits(LimitsConformance):
    pass


class TestLimitTurns(LimitTurnsConformance):
    """See LimitTurnsConformance."""


class TestMixedLimits(MixedLimitsConformance):
    pass
