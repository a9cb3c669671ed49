"""The head of a Ray that `karya up` has joined is killed, and comes back: everything is rebuilt on it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from karya.store.mongod.port import free_port
from tests.integration.cli.command import Up, environment, karya
from tests.support.eventually import eventually
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

PATIENCE = 150
HEAD = """
import sys, time
from karya.actors.cluster import ray_runtime
ray_runtime._stay_on_loopback()
ray_runtime._use_stored_token()
from ray.cluster_utils import Cluster
head = {"gcs_server_port": int(sys.argv[1]), "include_dashboard": False}
Cluster(initialize_head=True, head_node_args=head)
print("ready", flush=True)
time.sleep(1000)
"""


@contextmanager
def ray_head(port: int) -> Iterator[None]:
    """A Ray of another process; all of it ends, by kill -9, with the block."""
    with tempfile.TemporaryDirectory(prefix="karya-", ignore_cleanup_errors=True) as home:
        head = subprocess.Popen(
            [sys.executable, "-c", HEAD, str(port)],
            env=environment(Path(home), RAY_TMPDIR=home),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            assert head.stdout is not None
            while "ready" not in (line := head.stdout.readline()):
                assert line, "the head does not start"
            yield
        finally:
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
            assert head.stdout is not None
            head.stdout.close()


@pytest.mark.parametrize("missed", [True, False], ids=["missed", "back before it is missed"])
def test_a_head_that_comes_back_gets_everything_again(mongod_url: str, tmp_path: Path, missed: bool) -> None:
    port = free_port()
    joined = ("--address", f"127.0.0.1:{port}", "--mongo-url", mongod_url)
    with Target.running() as target, ExitStack() as stack:
        head = stack.enter_context(ExitStack())
        head.enter_context(ray_head(port))
        up = stack.enter_context(Up(tmp_path, *joined, KARYA_STORE__DATABASE=f"karya_rejoin_{missed}"))
        url = up.await_url()
        action = {"type": "rest", "url": target.at("/rejoined")}
        spec = {"schedule": {"kind": "interval", "every": "PT0.5S"}, "action": action}
        assert karya(tmp_path, "submit", "-", text=json.dumps(spec)).returncode == 0
        target.wait_for(3, PATIENCE)
        head.close()
        if missed:
            up.await_line("ray_lost")
            up.await_line("ray_is_away")
        with ray_head(port):
            up.await_line("ray_rebuilt")
            arrived = len(target.calls)
            eventually(lambda: len(target.calls) > arrived + 10, PATIENCE, "runs on the new head")
            assert karya(tmp_path, "status", "--url", url).returncode == 0
            assert karya(tmp_path, "down").returncode == 0
            assert up.await_end() == 0
    instants = [call.headers["karya-instant"] for call in target.calls]
    assert len(set(instants)) == len(instants)
