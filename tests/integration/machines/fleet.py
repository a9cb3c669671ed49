"""The cluster.yaml of the repository for machines of a test, and the commands that take it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.eventually import eventually
from tests.support.machines import Machines

ROOT = Path(__file__).parents[3]
RAY = Path(sys.executable).with_name("ray")
KARYA = "~/karya-venv/bin/karya"


@dataclass(frozen=True)
class Fleet:
    """The file, and the machines that it names, the head first."""

    file: Path
    addresses: Sequence[str]

    def ray(self, verb: str, *arguments: str) -> str:
        """One of Ray's commands that take such a file; what it prints."""
        confirmed = [] if verb == "exec" else ["--yes"]
        done = subprocess.run(
            [RAY, verb, *confirmed, self.file.name, *arguments],
            cwd=self.file.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"ray {verb}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def await_workers(self, patience: float) -> None:
        """Waits until as many are connected as there are machines."""

        def connected() -> int:
            try:
                return int(self.karya("status")["workers"])
            except AssertionError:
                return 0  # there is no cluster yet

        eventually(lambda: connected() == len(self.addresses), patience, "a worker for each machine")

    def karya(self, *arguments: str, text: str = "") -> Any:
        """One of Karya's commands on the head, which answers with JSON."""
        command = f"{KARYA} {' '.join(arguments)} --data-dir ~/karya-data --json"
        spoken = self.ray("exec", f"printf %s '{text}' | {command}" if text else command)
        return json.loads(spoken[spoken.index("\n{") : spoken.rindex("}") + 1])


def written(home: Path, machines: Machines, mongodb: str) -> Path:
    """A copy of this working tree for these machines; its cluster.yaml.

    Other than in the repository are the hosts and the key, the address of MongoDB, the number of workers, and
    that no request needs a token.
    """
    head, *others = machines.addresses
    shutil.copytree(ROOT, home, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
    file = home / "cluster.yaml"
    cluster = yaml.safe_load(file.read_text())
    cluster["provider"].update(head_ip=head, worker_ips=others)
    cluster["auth"] = {"ssh_user": "root", "ssh_private_key": str(machines.key)}
    file.write_text(yaml.safe_dump(cluster))
    settings = home / "configs" / "cluster.yaml"
    karya = yaml.safe_load(settings.read_text())
    karya["store"]["url"] = mongodb
    karya["gateway"]["require_tokens"] = False
    karya["worker"]["count"] = len(machines.addresses)
    settings.write_text(yaml.safe_dump(karya))
    return file
