"""A gateway that asks for tokens: it starts only when somebody has one."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest

from karya.actors.accounts import Accounts
from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host
from karya.actors.cluster.server_parts import ServerParts
from karya.core.configuration import read_settings
from karya.core.errors import ConfigError
from karya.core.user import TokenSpec, UserSpec
from tests.support.running import SHORT, Running

pytestmark = pytest.mark.cluster


@pytest.fixture
async def parts(karya: Running) -> AsyncIterator[ServerParts]:
    """A server of its own on the cluster's MongoDB, with a database in which nobody has a token."""
    own = {"gateway.require_tokens": True, "store.database": "tokens"}
    settings = read_settings("", {}, {**SHORT, **own})
    made = ServerParts(Ground(settings, karya.cluster.store_url), {}, _nothing, _nobody)
    yield made
    await made.close()


async def _nothing() -> tuple[()]:
    return ()


async def _nobody() -> None:
    return None


async def _open() -> None:
    return None


async def test_it_starts_only_when_somebody_has_a_token(parts: ServerParts) -> None:
    host = Host("tokens", _open)
    with pytest.raises(ConfigError, match="karya token create"):
        await parts.open(host)
    accounts = Accounts(parts.store.users, parts.store.tokens, parts.clock)
    user = await accounts.add_user(UserSpec(name="ada"))
    issued = await accounts.issue_token(TokenSpec(user_id=user.id))
    try:
        await parts.open(host)
        assert await status(parts, "/healthz") == 200
        assert await status(parts, "/v1/whoami") == 401
        assert await status(parts, "/v1/whoami", "Bearer karya_wrong") == 401
        assert await status(parts, "/v1/whoami", f"Bearer {issued.secret}") == 200
        assert await status(parts, "/metrics") == 401
    finally:
        await host.close()


async def status(parts: ServerParts, path: str, authorization: str | None = None) -> int:
    """The status of the answer."""
    headers = {"authorization": authorization} if authorization else {}
    request = urllib.request.Request(parts.gateway.url + path, headers=headers)

    def ask() -> int:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return await asyncio.to_thread(ask)
