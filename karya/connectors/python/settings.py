"""The settings of the `python` connector: `connectors.python`."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from karya.connectors.base import ConnectorSettings
from karya.core.text import Shaped

ModulePattern = Annotated[
    str,
    Field(max_length=200),
    Shaped(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(\.\*)?",
        "write the name of a module, such as reports or acme.reports, or acme.* for all below it",
    ),
]
"""`reports` is that module alone; `jobs.*` is jobs and everything below it."""


class PythonSettings(ConnectorSettings):
    """Which functions jobs may call. Whoever may submit jobs can call all of them, with any arguments."""

    modules: Annotated[tuple[ModulePattern, ...], Field(min_length=1, max_length=100)]
    """The modules whose functions jobs may call; without any, the connector is not configured."""
    without_token: bool = False
    """Lets a gateway that asks nobody for a token accept such jobs, too."""
    runtime_env: bool = False
    """Lets jobs bring their own environment: packages to install, so whatever code they like."""


def is_allowed(module: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns names the module."""
    return any(_matches(module, pattern) for pattern in patterns)


def _matches(module: str, pattern: str) -> bool:
    if not pattern.endswith(".*"):
        return module == pattern
    package = pattern.removesuffix(".*")
    return module == package or module.startswith(f"{package}.")
