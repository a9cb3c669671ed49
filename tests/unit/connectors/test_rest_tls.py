"""TLS towards real servers: whom the connector trusts, and to whom it shows a certificate."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from karya.connectors.rest import RestConnector, RestSettings
from karya.core.errors import ConfigError
from karya.core.outcome import Failure, Success
from karya.core.ports import Tools
from tests.support.target import Target, redirect
from tests.unit.connectors.conformance import CONTEXT
from tests.unit.connectors.rest_kit import action, opened, settings


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem of our authority, other.pem of another one, and the client's cert.pem and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    client = authority.issue_cert("karya@example.com", common_name="karya")
    client.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    client.private_key_pem.write_to_path(str(folder / "key.pem"))
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    return folder


def server_context(authority: trustme.CA, name: str = "127.0.0.1", client: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    if client:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
async def target(authority: trustme.CA) -> AsyncIterator[Target]:
    async with Target(tls=server_context(authority)) as target:
        yield target


@pytest.fixture
async def strict(authority: trustme.CA) -> AsyncIterator[Target]:
    """A target that wants to see a certificate."""
    async with Target(tls=server_context(authority, client=True)) as target:
        yield target


@pytest.fixture
async def rest(files: Path) -> AsyncIterator[RestConnector]:
    async with opened(configured(files)) as connector:
        yield connector


def configured(files: Path, **certificate: Any) -> RestSettings:
    return settings(
        ca_files={"own": str(files / "ca.pem"), "other": str(files / "other.pem")},
        client_certificates={
            "karya": {"cert": str(files / "cert.pem"), "key": str(files / "key.pem")},
            "one-file": {"cert": str(files / "both.pem")},
        },
    )


async def test_a_target_of_our_own_authority_is_trusted_by_name(target: Target, rest: RestConnector) -> None:
    assert isinstance(await rest.run(action(target.url, tls={"ca": "own"}), CONTEXT), Success)


@pytest.mark.parametrize("tls", [{}, {"ca": "other"}], ids=["system", "another authority"])
async def test_an_unknown_authority_is_not_trusted(target: Target, rest: RestConnector, tls: Any) -> None:
    assert isinstance(await rest.run(action(target.url, tls={"ca": "own"}), CONTEXT), Success)
    outcome = await rest.run(action(target.url, tls=tls), CONTEXT)
    assert outcome == Failure(f"the certificate of 127.0.0.1:{target.port} is not trusted", code="tls")
    assert len(target.calls) == 1


async def test_a_certificate_for_another_name_is_not_trusted(
    authority: trustme.CA, rest: RestConnector
) -> None:
    async with Target(tls=server_context(authority, "example.com")) as target:
        outcome = await rest.run(action(target.url, tls={"ca": "own"}), CONTEXT)
    assert isinstance(outcome, Failure)
    assert "is not trusted" in outcome.error


async def test_verification_can_be_switched_off(target: Target, rest: RestConnector) -> None:
    assert isinstance(await rest.run(action(target.url, tls={"verify": False}), CONTEXT), Success)
    assert isinstance(
        await rest.run(action(target.url), CONTEXT), Failure
    )  # the open connection is not shared


@pytest.mark.parametrize("client", ["karya", "one-file"])
async def test_a_client_certificate_is_shown(strict: Target, rest: RestConnector, client: str) -> None:
    assert isinstance(
        await rest.run(action(strict.url, tls={"ca": "own", "client": client}), CONTEXT), Success
    )
    assert strict.calls[0].client == "karya"
    without = await rest.run(action(strict.url, tls={"ca": "own"}), CONTEXT)
    assert isinstance(without, Failure)
    assert not without.permanent
    assert len(strict.calls) == 1


async def test_a_redirect_does_not_take_the_client_certificate_along(
    target: Target, strict: Target, rest: RestConnector
) -> None:
    target.script(redirect(strict.url))
    tls = {"ca": "own", "client": "karya"}
    assert isinstance(await rest.run(action(target.url, redirects=1, tls=tls), CONTEXT), Failure)
    assert strict.calls == []


async def test_a_redirect_from_https_to_http_is_refused(target: Target, rest: RestConnector) -> None:
    async with Target() as plain:
        target.script(redirect(plain.url))
        outcome = await rest.run(action(target.url, redirects=1, tls={"ca": "own"}), CONTEXT)
        assert outcome == Failure("a redirect from https to http", permanent=True, code="redirect")
        assert plain.calls == []


async def test_unknown_names_are_refused_at_submission_and_at_run_time(rest: RestConnector) -> None:
    for field, setting in (("ca", "ca_files"), ("client", "client_certificates")):
        wanted = action("https://example.com", tls={field: "nobody"})
        reason = f"tls.{field}: connectors.rest.{setting} has no entry 'nobody'"
        assert rest.refusal(wanted) == reason
        assert await rest.run(wanted, CONTEXT) == Failure(reason, permanent=True, code="not_configured")
    assert rest.refusal(action("https://example.com", tls={"ca": "own", "client": "karya"})) is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"ca_files": {"mine": "/nowhere.pem"}}, "ca_files.mine"),
        ({"ca_files": {"mine": __file__}}, "ca_files.mine"),
        ({"client_certificates": {"me": {"cert": "/nowhere.pem"}}}, "client_certificates.me"),
    ],
)
async def test_files_are_read_at_the_start(fields: Any, named: str) -> None:
    connector = RestConnector(settings(**fields))
    with pytest.raises(ConfigError, match=f"connectors.rest.{named}: cannot use"):
        await connector.open(Tools())
    await connector.close()
