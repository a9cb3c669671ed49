"""An alarm goes by the time that passes, whatever is done to the wall clock of its process."""

import os
import subprocess
import sys

import pytest

from tests.chaos import clocks

_LIBRARY = clocks.library()
_WAIT = "import asyncio; from karya.actors.alarm import Alarm; asyncio.run(Alarm().sleep(0.01))"


@pytest.mark.skipif(_LIBRARY is None, reason="libfaketime is not there: make faketime")
@pytest.mark.parametrize("shift", ["-1h", "+1h"])
def test_it_rings_in_a_process_whose_wall_clock_is_shifted(shift: str) -> None:
    shifted = {"LD_PRELOAD": str(_LIBRARY), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    subprocess.run([sys.executable, "-c", _WAIT], env=os.environ | shifted, check=True, timeout=60)
