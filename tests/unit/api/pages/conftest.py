"""A gateway that asks for tokens, over services in memory."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from karya.core.user import Role, TokenSpec, UserSpec
from tests.support.memory_services import MemoryServices

HTML = {"accept": "text/html"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(module_services: MemoryServices) -> AsyncIterator[Gateway]:
    settings = GatewaySettings(port=0, require_tokens=True, cors_origins=("https://other.example",))
    gateway = Gateway(module_services.services, settings)
    await gateway.start()
    yield gateway
    await gateway.stop()


class Visitor:
    """A browser, as far as HTTP shows it."""

    def __init__(self, gateway: Gateway, memory: MemoryServices) -> None:
        self.gateway = gateway
        self.memory = memory
        self.session = aiohttp.ClientSession(
            gateway.url, headers=HTML, cookie_jar=aiohttp.CookieJar(unsafe=True)
        )

    async def token(self, name: str, role: Role) -> str:
        """A token of a new user."""
        accounts = self.memory.services.accounts
        user = await accounts.add_user(UserSpec(name=name, role=role))
        return (await accounts.issue_token(TokenSpec(user_id=user.id))).secret

    async def sign_in(self, name: str, role: Role) -> str:
        """Signs in as a new user; its id."""
        status, _ = await self.post("/ui/sign-in", token=await self.token(name, role))
        assert status == 303
        return (await self.memory.services.accounts.user_named(name)).id

    async def get(self, path: str) -> tuple[int, str]:
        """A page, wherever it leads."""
        async with self.session.get(path) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, origin: str | None = "", **fields: str) -> tuple[int, str]:
        """A form; no redirect is followed."""
        headers = {} if origin is None else {"origin": origin or self.gateway.url}
        async with self.session.post(path, data=fields, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("location") or await answer.text()


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(guarded: Gateway, memory: MemoryServices) -> AsyncIterator[Visitor]:
    visitor = Visitor(guarded, memory)
    yield visitor
    await visitor.session.close()


@pytest.fixture
def job(memory: MemoryServices) -> dict[str, object]:
    return {"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}}
