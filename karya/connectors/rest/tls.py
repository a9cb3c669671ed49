"""TLS contexts, made once for each way of checking a target."""

import ssl
from typing import Literal

from karya.connectors.rest.settings import ClientCertificate, RestSettings
from karya.core.action import TlsOptions
from karya.core.errors import ConfigError

_AT = "connectors.rest"
_DEFAULT = TlsOptions()


class TlsContexts:
    """The contexts of one connector. aiohttp shares connections only between requests of one context, so
    a connection that shows a client certificate never serves a request that names none."""

    def __init__(self, settings: RestSettings) -> None:
        self._settings = settings
        self._made: dict[TlsOptions, ssl.SSLContext] = {}

    def refuses(self, options: TlsOptions) -> str | None:
        """Which name of the options is not in the settings."""
        for field, name, known in (
            ("ca", options.ca, self._settings.ca_files),
            ("client", options.client, self._settings.client_certificates),
        ):
            if name is not None and name not in known:
                setting = "ca_files" if field == "ca" else "client_certificates"
                return f"tls.{field}: {_AT}.{setting} has no entry {name!r}"
        return None

    def check_files(self) -> None:
        """Reads every file that the settings name. Raises ConfigError for one that is no use."""
        for name in self._settings.ca_files:
            self.of(TlsOptions(ca=name))
        for name in self._settings.client_certificates:
            self.of(TlsOptions(client=name))

    def of(self, options: TlsOptions) -> ssl.SSLContext | Literal[True]:
        """What aiohttp takes as `ssl` for these options, which `refuses` has nothing against: True for its
        own context, which verifies by the system's authorities."""
        if options == _DEFAULT:
            return True
        if options not in self._made:
            self._made[options] = self._make(options)
        return self._made[options]

    def _make(self, options: TlsOptions) -> ssl.SSLContext:
        context = self._trusting(options.ca)
        context.set_alpn_protocols(["http/1.1"])
        if not options.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if options.client is not None:
            _show(context, options.client, self._settings.client_certificates[options.client])
        return context

    def _trusting(self, ca: str | None) -> ssl.SSLContext:
        if ca is None:
            return ssl.create_default_context()
        path = self._settings.ca_files[ca]
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            raise ConfigError(f"{_AT}.ca_files.{ca}: cannot use {path}: {error}") from None


def _show(context: ssl.SSLContext, name: str, certificate: ClientCertificate) -> None:
    # An empty password keeps OpenSSL from asking for one on the terminal.
    password = certificate.password.get_secret_value() if certificate.password else ""
    try:
        context.load_cert_chain(certificate.cert, certificate.key, password)
    except OSError as error:
        raise ConfigError(
            f"{_AT}.client_certificates.{name}: cannot use {certificate.cert}: {error}"
        ) from None
