"""A Ray of several nodes beside the cluster, in a process of its own, at the same address each time.

`python -m tests.chaos.nodes PORT NODES HOME` starts it with Ray's head at that port. Each line on the
standard input adds a node; when it ends, so does the Ray. Every start of a node is answered by a line.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from karya.actors.cluster.ray_runtime import _RAY_ENVIRONMENT
from karya.store.mongod.port import free_port
from tests.integration.cli.command import MARK
from tests.support.nodes import ray_nodes

_NODE = {"num_cpus": 1}
_STOPS = 20.0


class RayProcess:
    """All of it blocks: call it in a thread."""

    def __init__(self, home: Path, nodes: int) -> None:
        """So many nodes with the head, for the cluster of this home."""
        self._port = free_port()
        self._arguments = [str(self._port), str(nodes), str(home)]
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        """What a cluster joins."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, once more after all of its processes were killed."""
        self.stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nodes", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._await_node()

    def add(self) -> None:
        """One more node."""
        assert self._process is not None and self._process.stdin is not None
        print("add", file=self._process.stdin, flush=True)
        self._await_node()

    def stop(self) -> None:
        """Ends it."""
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(_STOPS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _await_node(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while (line := self._process.stdout.readline()).strip() != "node":
            if not line:
                raise RuntimeError("Ray's nodes do not start")


def _serve(port: int, nodes: int, home: str) -> None:
    """The nodes are found by the mark of the cluster; this process, which is to outlive them, is not."""
    os.environ |= {**_RAY_ENVIRONMENT, MARK: home}
    with ray_nodes(*[_NODE] * (nodes - 1), port=port) as started:
        print("node", flush=True)
        for _ in sys.stdin:
            started.add(**_NODE)
            print("node", flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
