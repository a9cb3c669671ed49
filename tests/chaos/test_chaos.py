"""The chaos suite in short: two faults on one real cluster. `make chaos` has all, and their bounds."""

from pathlib import Path

import pytest

from tests.chaos.judge.verdict import Kind
from tests.chaos.plan import plan
from tests.chaos.report import worst
from tests.chaos.stages import Stage
from tests.chaos.suite import Programme, perform

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

FAULTS = ("kill-worker", "kill-mongod")


async def test_nothing_is_lost_doubled_or_early(tmp_path: Path) -> None:
    """Whether it was late is not asked here: other tests may keep the machine busy."""
    faults = plan(seed=4, names=FAULTS)["plain"]
    outcome = await perform(Stage(tmp_path), Programme(4, faults), lambda _: None)
    wrong = [violation for violation in outcome.verdict.violations if violation.kind is not Kind.LATE]
    assert not wrong, "\n".join(worst(outcome))
    assert [each.fault.name for each in outcome.injections if each.rescued] == []
    assert outcome.verdict.expected > 100
    assert outcome.verdict.excused > 0, "no request was in flight when the worker was killed"
