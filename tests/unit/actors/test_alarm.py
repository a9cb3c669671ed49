"""An alarm rings on time: never early, and not in whole milliseconds."""

import asyncio
import time
from pathlib import Path

import pytest

from karya.actors import alarm as module
from karya.actors.alarm import Alarm

_NO_WHOLE_MILLISECONDS = 0.0021


async def _overslept(alarm: Alarm, seconds: float) -> float:
    began = time.monotonic()
    await alarm.sleep(seconds)
    return time.monotonic() - began - seconds


def _timers() -> int:
    """How many of them this process has open. Others of its files come and go meanwhile."""
    return sum(_leads_to_a_timer(file) for file in Path("/proc/self/fd").iterdir())


def _leads_to_a_timer(file: Path) -> bool:
    try:
        return "timerfd" in str(file.readlink())
    except OSError:
        return False


async def test_it_is_never_early_and_knows_fractions_of_a_millisecond() -> None:
    # However busy the machine is, one of them is on time.
    alarm, overslept = Alarm(), [1.0]
    while min(overslept) > 0.0008 and len(overslept) < 1_000:
        overslept.append(await _overslept(alarm, _NO_WHOLE_MILLISECONDS))
    assert 0 <= min(overslept) <= 0.0008, "a timer of the loop sleeps for 3 ms, so 0.9 more"


async def test_all_who_wait_are_woken_in_their_order() -> None:
    alarm, woken = Alarm(), list[float]()

    async def wait(seconds: float) -> None:
        until = time.monotonic() + seconds
        await alarm.sleep(seconds)
        woken.append(until)

    await asyncio.gather(*map(wait, (0.03, 0.01, 0.05, 0.02, 0.01)))
    assert woken == sorted(woken)


async def test_one_who_comes_later_and_is_first_does_not_wait_for_the_other() -> None:
    alarm = Alarm()
    other = asyncio.create_task(alarm.sleep(60))
    await asyncio.sleep(0)
    await asyncio.wait_for(alarm.sleep(0.01), 10)
    assert not other.done()
    other.cancel()


async def test_one_who_is_cancelled_disturbs_nobody_and_the_timer_is_given_back() -> None:
    alarm, before, faults = Alarm(), _timers(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    first = asyncio.create_task(alarm.sleep(0.01))
    second = asyncio.create_task(alarm.sleep(0.02))
    await asyncio.sleep(0)
    assert _timers() == before + 1
    first.cancel()
    await asyncio.wait_for(second, 10)
    assert first.cancelled()
    assert not faults
    assert _timers() == before


@pytest.mark.parametrize("libc", [object(), type("Refusing", (), {"timerfd_create": lambda *_: -1})()])
async def test_without_such_timers_those_of_the_loop_ring(
    libc: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LIBC", libc)
    assert await _overslept(Alarm(), _NO_WHOLE_MILLISECONDS) >= 0
