"""The command starts fast: what is heavy is imported only where it is needed."""

import subprocess
import sys

HEAVY = {"ray", "motor", "pymongo", "zmq", "starlette", "uvicorn", "aiohttp", "grpc", "pydantic"}


def loaded_by(modules: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter holds after these imports."""
    probe = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


def test_importing_the_command_imports_nothing_heavy() -> None:
    assert loaded_by("karya.cli.main") == set()


def test_the_client_brings_neither_ray_nor_a_database_driver() -> None:
    assert loaded_by("karya.client, karya.actors.cluster.record") == {"aiohttp", "pydantic"}


def test_importing_karya_itself_imports_nothing_heavy() -> None:
    assert loaded_by("karya") == set()
