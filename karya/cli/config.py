"""Where the settings of a command come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from karya.core.errors import ConfigError

if TYPE_CHECKING:
    from karya.core.settings import Settings

DEFAULT_FILE = "karya.yaml"


def load_settings(config: Path | None, flags: Mapping[str, Any], *, secrets: bool = False) -> "Settings":
    """The settings from a file, the environment and the command line, the later ones winning.

    The file is `config`, else the one that KARYA_CONFIG names, else `karya.yaml` of the working
    directory if there is one. `flags` has dotted keys; None means "not given". With `secrets` what
    refers to a secret is replaced by it: who only talks to Karya need not be able to read them. Raises
    ConfigError.
    """
    # Not at the top: it brings pydantic, which a command that is given the gateway's URL need not wait for.
    from karya.core.configuration import read_settings

    text = _text(config or _named_by_environment())
    return read_settings(text, os.environ, flags, _secret_file if secrets else None)


def _secret_file(path: str) -> str:
    return Path(path).expanduser().read_text()


def _named_by_environment() -> Path | None:
    name = os.environ.get("KARYA_CONFIG")
    return Path(name) if name else None


def _text(config: Path | None) -> str:
    path = config or Path(DEFAULT_FILE)
    try:
        return path.read_text()
    except FileNotFoundError as error:
        if config is None:
            return ""
        raise ConfigError(f"the settings file {path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file {path} cannot be read: {error}") from error
