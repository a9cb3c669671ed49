"""The settings of the `kafka` connector: `connectors.kafka`."""

import ssl
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from karya.connectors.base import ConnectorSettings
from karya.core.errors import ConfigError
from karya.core.text import Shaped
from karya.core.times import Duration


def _servers(value: Any) -> Any:
    return tuple(each.strip() for each in value.split(",")) if isinstance(value, str) else value


Server = Annotated[
    str,
    Shaped(
        r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", "write host:port, such as kafka-1.example:9092"
    ),
]
ClientId = Annotated[str, Shaped(r"[A-Za-z0-9._-]{1,100}", "an id is 1 to 100 letters, digits and . _ -")]


class KafkaSettings(ConnectorSettings):
    """The brokers, and how to reach them. Acknowledgement by all in-sync replicas is no setting."""

    bootstrap_servers: Annotated[tuple[Server, ...], Field(min_length=1), BeforeValidator(_servers)]
    """host:port, one or several; a text with commas will do."""
    client_id: ClientId = "karya"
    timeout: Annotated[Duration, Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))] = timedelta(
        seconds=20
    )
    """Bounds a whole attempt; a single request to a broker gets half of it."""
    idempotent: bool = True
    """The producer numbers its messages, so that its own second tries never write one twice."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca: str | None = None
    """A PEM file with the authorities to trust, instead of the system's."""
    ssl_cert: str | None = None
    ssl_key: str | None = None
    ssl_key_password: SecretStr | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "KafkaSettings":
        sasl = self.security_protocol.startswith("SASL")
        if sasl != bool(self.sasl_username and self.sasl_password):
            raise ValueError("sasl_username and sasl_password go together with a security_protocol SASL_…")
        if not self.security_protocol.endswith("SSL") and any((self.ssl_ca, self.ssl_cert, self.ssl_key)):
            raise ValueError("ssl_ca, ssl_cert and ssl_key need security_protocol SSL or SASL_SSL")
        if self.ssl_key and not self.ssl_cert:
            raise ValueError("ssl_key needs ssl_cert")
        return self

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS as these settings want it; None without. Raises ConfigError for a file that is no use."""
        if not self.security_protocol.endswith("SSL"):
            return None
        password = self.ssl_key_password.get_secret_value() if self.ssl_key_password else ""
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca)
            if self.ssl_cert:
                # An empty password keeps OpenSSL from asking for one on the terminal.
                context.load_cert_chain(self.ssl_cert, self.ssl_key, password)
        except OSError as error:
            raise ConfigError(f"connectors.kafka: cannot use ssl_ca, ssl_cert or ssl_key: {error}") from None
        return context
