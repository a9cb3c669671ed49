"""The settings of the `email` connector: `connectors.email`."""

import ssl
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from karya.connectors.base import ConnectorSettings
from karya.connectors.email.fields import parsed_address
from karya.core.errors import ConfigError
from karya.core.text import Shaped
from karya.core.times import Duration

PORTS = {"none": 25, "starttls": 587, "tls": 465}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _sender(text: str) -> str:
    parsed_address(text)
    return text


LocalName = Annotated[
    str,
    Shaped(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f.:]+\]", "a host name, or an address in brackets: [10.0.0.1]"),
]


class EmailSettings(ConnectorSettings):
    """The mail server, and who Karya is there."""

    host: Annotated[str, Shaped(r"[A-Za-z0-9._:-]{1,253}", "the name or the address of a mail server")]
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """None: the usual one, 587 for starttls, 465 for tls, 25 for none."""
    security: Literal["none", "starttls", "tls"] = "starttls"
    """starttls never goes on without TLS when the server offers none."""
    username: Annotated[str, Field(min_length=1)] | None = None
    password: SecretStr | None = None
    sender: Annotated[str, AfterValidator(_sender)]
    """The From of every email, with or without a name."""
    timeout: Annotated[Duration, Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))] = timedelta(
        seconds=30
    )
    """Bounds a whole attempt, from the connection to the server's last word."""
    verify: bool = True
    """Whether the server's certificate is checked."""
    ca_file: str | None = None
    """A PEM file with the authorities to trust, instead of the system's."""
    local_name: LocalName | None = None
    """How Karya names its machine to the server. None: by the machine's own name."""

    @model_validator(mode="after")
    def _fits_together(self) -> "EmailSettings":
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password go together")
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent in the clear: set security to starttls or tls")
        if self.ca_file and (self.security == "none" or not self.verify):
            raise ValueError("ca_file has no effect without security starttls or tls, and verify")
        return self

    @property
    def server_port(self) -> int:
        """The port to connect to."""
        return self.port or PORTS[self.security]

    def tls_context(self) -> ssl.SSLContext | None:
        """TLS as these settings want it; None without. Raises ConfigError for a `ca_file` that is no use."""
        if self.security == "none":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise ConfigError(f"connectors.email.ca_file: {self.ca_file} cannot be used: {error}") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
