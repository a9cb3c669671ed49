"""The keys by which the two ends of the queue know each other beyond loopback (CurveZMQ)."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from pydantic import BaseModel

from karya.core.errors import ConfigError
from karya.core.settings import QueueSettings

FILE = "queue-keys.json"
"""Their place in the data directory."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair of keys, each in the 40 characters of Z85. Its repr shows only the public one."""

    public: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def made(cls) -> "KeyPair":
        """A new pair."""
        return cls(*zmq.curve_keypair())

    @classmethod
    def of(cls, secret: str) -> "KeyPair":
        """The pair of this secret key. Raises ValueError when it is none."""
        try:
            return cls(zmq.curve_public(secret.encode()), secret.encode())
        except zmq.ZMQError:
            raise ValueError("no secret key") from None


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """What tells a cluster's own from strangers: the pair of the dispatcher, which everybody who connects
    insists on, and that of its members, without which nobody gets in."""

    dispatcher: KeyPair
    member: KeyPair

    @classmethod
    def made(cls) -> "QueueKeys":
        """New ones."""
        return cls(KeyPair.made(), KeyPair.made())


def keys_for(settings: QueueSettings, data_dir: Path) -> QueueKeys | None:
    """The keys of a queue beyond loopback, made the first time and kept; None for one that needs none.

    Raises ConfigError when the file is no longer what was written, or open to others.
    """
    if settings.is_local:
        return None
    if not zmq.has("curve"):
        raise ConfigError(
            f"queue.host {settings.host}: this libzmq has no CURVE, so the queue can serve loopback only; "
            "the pyzmq of PyPI brings one that has"
        )
    path = data_dir / FILE
    return _read(path) if path.exists() else _written(path, QueueKeys.made())


class _Secrets(BaseModel):
    """The file: the secret halves, of which the public ones follow."""

    dispatcher: str
    member: str


def _written(path: Path, keys: QueueKeys) -> QueueKeys:
    """Never readable by others, not even for a moment, and never half there."""
    secrets = _Secrets(dispatcher=keys.dispatcher.secret.decode(), member=keys.member.secret.decode())
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o600, exist_ok=False)
    with fresh.open("w") as file:
        file.write(secrets.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return keys


def _read(path: Path) -> QueueKeys:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} holds secret keys and is open to others: chmod 600 {path}")
    try:
        secrets = _Secrets.model_validate_json(path.read_text())
        return QueueKeys(KeyPair.of(secrets.dispatcher), KeyPair.of(secrets.member))
    except (OSError, ValueError):  # pydantic's errors are ValueErrors, and would quote the keys
        raise ConfigError(f"{path} holds no keys of a queue: remove it, and new ones are made") from None
