"""An actor's process ends with the first of its loops that dies, and says why it could not open."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from karya.actors.cluster import host
from karya.actors.cluster.host import Host, keep_time
from karya.core.clock import SystemClock
from karya.core.errors import ConfigError, StoreUnavailable
from tests.support.soon import soon


async def test_ready_waits_for_the_opening_and_closing_stops_the_loops() -> None:
    gate, ended = asyncio.Event(), asyncio.Event()
    made = Host("actor", gate.wait)  # type: ignore[arg-type]

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(made.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    await asyncio.wait_for(waiting, 30)
    made.keep(loop(), "loop")
    await asyncio.sleep(0)
    await made.close()
    assert ended.is_set()


async def test_an_opening_that_fails_is_told_by_ready_before_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exits: list[int] = []
    monkeypatch.setattr(host, "_LAST_WORDS_SECONDS", 1)
    monkeypatch.setattr(os, "_exit", exits.append)

    async def opening() -> None:
        raise ConfigError("the port is taken")

    made = Host("actor", opening)
    for _ in range(2):
        with pytest.raises(ConfigError, match="the port is taken"):
            await made.ready()
    assert exits == []
    await soon(lambda: exits == [1])


async def test_somebody_who_stops_waiting_does_not_stop_the_opening() -> None:
    gate = asyncio.Event()
    made = Host("actor", gate.wait)  # type: ignore[arg-type]
    waiting = asyncio.create_task(made.ready())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.set()
    await asyncio.wait_for(made.ready(), 30)


def run_in_a_process(body: str) -> subprocess.CompletedProcess[str]:
    start = "import asyncio\nfrom karya.actors.cluster.host import Host\nasync def opened(): pass\n"
    script = f"{start}{textwrap.dedent(body)}\nasyncio.run(main())\nprint('the end')\n"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


def test_a_loop_that_dies_ends_the_process() -> None:
    ended = run_in_a_process("""
        async def dies():
            await asyncio.sleep(0.01)
            raise RuntimeError("the heart stopped")
        async def main():
            host = Host("actor", opened)
            host.keep(dies(), "heart")
            await asyncio.sleep(15)
    """)
    assert ended.returncode == 1
    assert "the end" not in ended.stdout
    assert "loop_died" in ended.stdout and "the heart stopped" in ended.stdout


def test_loops_that_end_or_are_closed_do_not() -> None:
    ended = run_in_a_process("""
        async def ends():
            pass
        async def complains():
            try:
                await asyncio.sleep(15)
            finally:
                raise RuntimeError("too late")
        async def main():
            host = Host("actor", opened)
            await host.ready()
            host.keep(ends(), "ends")
            host.keep(complains(), "complains")
            await asyncio.sleep(0.01)
            await host.close()
    """)
    assert (ended.returncode, ended.stdout) == (0, "the end\n")


async def test_time_is_measured_again_after_the_store_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_MEASURE_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(host, "_MEASURE_AGAIN_SECONDS", 0.001)
    answers: list[Callable[[], None]] = [_away, _well, _away, _well]
    measured: list[SystemClock] = []

    async def measure(clock: SystemClock) -> None:
        if answers:
            answers.pop(0)()
        measured.append(clock)

    clock = SystemClock()
    keeping = asyncio.create_task(keep_time(measure, clock))
    await soon(lambda: len(measured) > 3)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert measured[0] is clock


def _away() -> None:
    raise StoreUnavailable("away")


def _well() -> None:
    pass
