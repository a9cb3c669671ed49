"""Load in a process of its own, so that what makes it does not share an interpreter with what is measured."""

import json
import subprocess
import sys
from typing import Any


def run_apart(module: str, what: Any) -> Any:
    """What this module of the benchmark says when it is run and told `what`, both as JSON. Raises
    RuntimeError with its last words when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module], input=json.dumps(what), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)
