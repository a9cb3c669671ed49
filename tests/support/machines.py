"""Machines that are reached by ssh, made out of Linux namespaces on this one: each has an address, processes,
a /tmp and a home of its own, and sees no network but the others."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "karya-test"
NETWORK = "10.213.77"
HERE = f"{NETWORK}.1"
"""The address of this machine, for the others."""

WHEELS = "/mnt"
"""Where every machine finds what pip may install: none has a way to a package index."""

_TOOLS = ("ip", "unshare", "ssh", "rsync", "/usr/sbin/sshd")
_IN_THE_MACHINE = " && ".join(
    [
        "hostname {name}",
        "mount --bind {home} /root",
        f"mount --bind {{wheels}} {WHEELS}",
        "mount -t tmpfs tmpfs /tmp",
        "exec /usr/sbin/sshd -D -f /root/sshd_config",
    ]
)
_SSHD = f"""HostKey /root/.ssh/id
AuthorizedKeysFile /root/.ssh/id.pub
PermitRootLogin prohibit-password
PidFile none
SetEnv PIP_NO_INDEX=1 PIP_FIND_LINKS={WHEELS} PIP_CONFIG_FILE=/dev/null
"""


def obstacle() -> str | None:
    """Why there can be no machines here; None when there can."""
    if os.geteuid() != 0:
        return "only root can make namespaces"
    missing = [tool for tool in _TOOLS if not shutil.which(tool)]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: iproute2, openssh-server, rsync)"
    return None


@dataclass(frozen=True)
class Machines:
    """Some, and the key that lets in as root."""

    addresses: Sequence[str]
    key: Path


@contextmanager
def machines(count: int, home: Path, wheels: Path) -> Iterator[Machines]:
    """So many, whose homes are in `home`. They end with the block."""
    key = home / "id"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    addresses = [f"{NETWORK}.{number}" for number in range(2, 2 + count)]
    Path("/run/sshd").mkdir(exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_bridge())
        for address in addresses:
            stack.enter_context(_machine(address, _furnished(home / address, key), wheels))
        yield Machines(addresses, key)


@contextmanager
def _bridge() -> Iterator[None]:
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        _run("ip", "address", "add", f"{HERE}/24", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        yield
    finally:
        _run("ip", "link", "delete", BRIDGE)


@contextmanager
def _machine(address: str, home: Path, wheels: Path) -> Iterator[None]:
    name = f"{BRIDGE}-{address.rpartition('.')[2]}"
    inside = ("ip", "-n", name)
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", name, "master", BRIDGE, "up")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "address", "add", f"{address}/24", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        _run(*inside, "route", "add", "default", "via", HERE)
        script = _IN_THE_MACHINE.format(name=name, home=home, wheels=wheels)
        apart = ("unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
        with subprocess.Popen(["ip", "netns", "exec", name, *apart, "sh", "-c", script]) as process:
            try:
                yield
            finally:
                process.kill()  # and with it, all that runs there
        _run("ip", "link", "delete", name)  # the kernel takes its time with a network that was in use
    finally:
        _run("ip", "netns", "delete", name)


def _furnished(home: Path, key: Path) -> Path:
    """A home with the key of its owner, which also serves as that of the host."""
    keys = home / ".ssh"
    keys.mkdir(parents=True, mode=0o700)
    for part in (key, key.with_suffix(".pub")):
        shutil.copy(part, keys)
    (home / "sshd_config").write_text(_SSHD)
    return home


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
