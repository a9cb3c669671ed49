"""The keys of the queue are made once, kept from others, and shown to nobody."""

import pickle
import stat
from pathlib import Path

import pytest

from karya.core.errors import ConfigError
from karya.core.settings import QueueSettings
from karya.queue.keys import FILE, KeyPair, QueueKeys, keys_for

BEYOND = QueueSettings(host="10.0.0.5")


def test_they_are_made_once(tmp_path: Path) -> None:
    made = keys_for(BEYOND, tmp_path)
    assert made is not None
    assert keys_for(BEYOND, tmp_path) == made
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_loopback_needs_none(tmp_path: Path) -> None:
    assert keys_for(QueueSettings(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / f"{FILE}.new"
    left.write_text("{")
    left.chmod(0o644)
    assert keys_for(BEYOND, tmp_path) is not None
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    keys_for(BEYOND, tmp_path)
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(ConfigError, match=f"open to others: chmod 600 .*{FILE}"):
        keys_for(BEYOND, tmp_path)


SECRET = KeyPair.made().secret.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        f'{{"dispatcher": "{SECRET}"}}',
        f'{{"dispatcher": "{SECRET}", "member": "short"}}',
        f'{{"dispatcher": "{SECRET}", "member": "{"~" * 40}"}}',
        f'{{"dispatcher": "{SECRET}", "member": 5}}',
    ],
    ids=["empty", "cut off", "a list", "one missing", "one too short", "one no key", "one no text"],
)
def test_what_is_no_key_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    keys_for(BEYOND, tmp_path)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match="remove it, and new ones are made") as caught:
        keys_for(BEYOND, tmp_path)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_they_travel_and_their_repr_keeps_the_secret() -> None:
    keys = QueueKeys.made()
    assert pickle.loads(pickle.dumps(keys)) == keys
    for secret in (keys.dispatcher.secret, keys.member.secret):
        assert secret.decode() not in repr(keys)
    assert keys.member.public.decode() in repr(keys)
