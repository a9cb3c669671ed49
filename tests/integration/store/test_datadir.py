"""The data directory against the real kernel: who holds it, and when the lock ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from karya.core.errors import ConfigError, DataDirectoryInUse
from karya.store.datadir import DataDirectory, holder

HOLD = """
import sys
from karya.store.datadir import DataDirectory
with DataDirectory(sys.argv[1], "karya up"):
    print("held", flush=True)
    sys.stdin.read()
"""

Hold = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts a second process that holds a directory until it is killed."""
    with ExitStack() as stack:

        def start(directory: Path) -> "subprocess.Popen[str]":
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", HOLD, str(directory)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process

        yield start


def test_creates_the_directory_for_its_owner_only(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "a" / "b") as directory:
        assert directory.path == tmp_path / "a" / "b"
        assert directory.path.stat().st_mode & 0o777 == 0o700


def test_refuses_a_directory_in_use_and_names_the_holder(tmp_path: Path, hold: Hold) -> None:
    process = hold(tmp_path)
    with pytest.raises(DataDirectoryInUse) as refused:
        DataDirectory(tmp_path).acquire()
    message = str(refused.value)
    assert f"held by pid {process.pid} (karya up, since 20" in message
    assert f"`karya down --data-dir {tmp_path}`" in message


def test_refuses_a_second_holder_in_the_same_process(tmp_path: Path) -> None:
    with DataDirectory(tmp_path), pytest.raises(DataDirectoryInUse, match=f"pid {os.getpid()} "):
        DataDirectory(tmp_path).acquire()


def test_the_lock_ends_with_a_killed_holder(tmp_path: Path, hold: Hold) -> None:
    process = hold(tmp_path)
    process.kill()
    process.wait()
    with DataDirectory(tmp_path):
        found = holder(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()


def test_is_free_again_after_release(tmp_path: Path) -> None:
    with DataDirectory(tmp_path):
        pass
    with DataDirectory(tmp_path) as again:
        again.acquire()


def test_holder_names_who_has_it_and_nobody_else(tmp_path: Path, hold: Hold) -> None:
    assert holder(tmp_path / "missing") is None
    process = hold(tmp_path)
    found = holder(tmp_path)
    assert found is not None
    assert (found.pid, found.command) == (process.pid, "karya up")
    process.kill()
    process.wait()
    assert holder(tmp_path) is None


def test_a_holder_that_does_not_say_who_still_holds(tmp_path: Path, hold: Hold) -> None:
    hold(tmp_path)
    (tmp_path / "lock").write_text("no json")
    with pytest.raises(DataDirectoryInUse, match="held by another process"):
        DataDirectory(tmp_path).acquire()
    with pytest.raises(ConfigError, match="does not say who"):
        holder(tmp_path)


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    look = "import os; print([os.path.realpath(fd.path) for fd in os.scandir('/proc/self/fd')])"
    with DataDirectory(tmp_path):
        own = {str(fd.resolve()) for fd in Path("/proc/self/fd").iterdir()}
        seen = subprocess.run([sys.executable, "-c", look], close_fds=False, capture_output=True, text=True)
    assert str(tmp_path / "lock") in own
    assert seen.returncode == 0
    assert str(tmp_path / "lock") not in seen.stdout


@pytest.mark.parametrize("below", ["", "below"])
def test_refuses_a_path_that_is_a_file(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=f"data_dir {file / below} "):
        DataDirectory(file / below).acquire()
    with pytest.raises(ConfigError, match="is or lies in a file"):
        holder(file / below)


def test_refuses_a_directory_that_cannot_be_made() -> None:
    with pytest.raises(ConfigError, match="choose a directory that can be written"):
        DataDirectory("/proc/karya").acquire()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere: nothing to refuse")
def test_refuses_a_directory_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        DataDirectory(tmp_path).acquire()
