"""What each actor loads. At rest that is most of its memory: none may come to load what only others need."""

import subprocess
import sys

import pytest

STORE = {"bson", "pymongo", "motor"}
WEB = {"starlette", "uvicorn", "jinja2", "httptools"}
CONNECTORS = {"aiohttp", "aiokafka", "aiosmtplib", "slack_sdk"}
TRACES = {"opentelemetry"}


def loaded_with(module: str) -> set[str]:
    """The top-level packages that a process has loaded which imported only this."""
    probe = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "needed", "others"),
    [
        ("supervisor_actor", set(), STORE | WEB | CONNECTORS | {"cryptography"}),
        ("scheduler_parts", {"pymongo"}, {"motor", "cryptography"} | WEB | CONNECTORS),
        ("worker_parts", {"motor"}, WEB | CONNECTORS - {"aiohttp"}),
    ],
)
def test_an_actor_loads_its_own_part_only(module: str, needed: set[str], others: set[str]) -> None:
    loaded = loaded_with(f"karya.actors.cluster.{module}")

    assert needed <= loaded
    assert not loaded & (others | TRACES)
