"""The names under which leases and locks are held."""

import hashlib
import os
import platform
import secrets
from functools import cache
from pathlib import Path

import psutil

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def new_owner(name: str) -> str:
    """A name that no other incarnation of this actor ever has."""
    return f"{name}@{platform.node()}/{os.getpid()}-{_processes()}-{secrets.token_hex(3)}"


def is_dead(owner: str) -> bool:
    """Whether that incarnation lived among the processes that this one sees, and is gone. What lived
    elsewhere cannot be told: its lease has to run out."""
    pid, _, rest = owner.rpartition("/")[2].partition("-")
    is_among_ours = rest.partition("-")[0] == _processes()
    return is_among_ours and pid.isdigit() and not psutil.pid_exists(int(pid))


@cache
def _processes() -> str:
    """Among which processes a pid means something: those of one start of the machine, in one namespace.
    Machines and containers may share a host name; then each would take the other's leader for dead, and the
    lead would go to and fro between them for ever."""
    try:
        whole = f"{_BOOT.read_text()}{_NAMESPACE.readlink()}"
    except OSError:  # no Linux: then there are no such containers either
        whole = platform.node()
    return hashlib.sha256(whole.encode()).hexdigest()[:6]
