"""A child process that ends with this one, even if this one is killed."""

import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

_LAUNCHER = Path(__file__).with_name("launcher.py")


def start_bound(program: list[str], output: Path) -> subprocess.Popen[bytes]:
    """Starts the program so that the kernel sends it SIGTERM when this process ends, kill -9 included.

    It runs in its own session: the terminal's Ctrl-C does not reach it. What it prints is appended
    to `output`. May be called from any thread. Raises OSError when it cannot be started.
    """
    started: Future[subprocess.Popen[bytes]] = Future()
    Thread(target=_keep, args=(program, output, started), name="karya-bound-process", daemon=True).start()
    return started.result()


def _keep(program: list[str], output: Path, started: "Future[subprocess.Popen[bytes]]") -> None:
    # The kernel takes the thread that spawned it for the parent: this one waits as long as the child lives.
    try:
        process = _spawn(program, output)
    except BaseException as error:
        started.set_exception(error)
        return
    started.set_result(process)
    process.wait()


def _spawn(program: list[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *program],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Without a copy the child would read the environment while another thread changes it: EFAULT.
            env=dict(os.environ),
        )
