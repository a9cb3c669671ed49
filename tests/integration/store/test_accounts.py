"""Users, tokens and repeatable requests on the real store."""

import asyncio
from datetime import timedelta

import pytest

from karya.actors.accounts import Accounts
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.ports.requests import Answered, Fresh, Misused
from karya.core.user import Principal, Role, TokenSpec, User, UserSpec
from karya.core.views import TokenView
from karya.store.requests import MongoRequests
from karya.store.tokens import MongoTokens
from karya.store.users import MongoUsers
from tests.conformance.store.kit import HeldTime
from tests.support.held_clock import HeldClock
from tests.support.mongo import Mongo
from tests.support.story import NOW, at


@pytest.fixture
def time() -> HeldTime:
    return HeldTime()


@pytest.fixture
def accounts(mongo: Mongo, time: HeldTime) -> Accounts:
    return Accounts(MongoUsers(mongo.asynchronous), MongoTokens(mongo.asynchronous), HeldClock(time))


async def test_users_by_name_and_id(accounts: Accounts) -> None:
    ann = await accounts.add_user(UserSpec(name="ann", role=Role.ADMIN))
    bob = await accounts.add_user(UserSpec(name="bob"))
    assert await accounts.user(ann.id) == await accounts.user_named("ann") == ann
    assert {user.name for user in (await accounts.users(cursor=None, limit=9)).users} == {"ann", "bob"}
    assert bob.role is Role.USER
    with pytest.raises(Conflict):
        await accounts.add_user(UserSpec(name="ann"))
    with pytest.raises(NotFound):
        await accounts.user_named("eve")


async def test_a_token_stands_for_its_user(accounts: Accounts, mongo: Mongo) -> None:
    ann = await accounts.add_user(UserSpec(name="ann", role=Role.VIEWER))
    issued = await accounts.issue_token(TokenSpec(user_id=ann.id))
    assert await accounts.identify(issued.secret) == Principal(ann.id, Role.VIEWER)
    assert await accounts.identify(issued.secret + "x") is None
    stored = [document async for document in mongo.asynchronous["tokens"].find()]
    assert issued.secret not in str(stored), "only its hash is kept"
    assert issued.secret.removeprefix("karya_") not in str(stored)


async def test_users_and_their_tokens_come_by_the_page(accounts: Accounts, time: HeldTime) -> None:
    async def added(name: str) -> User:
        time.advance(1)
        return await accounts.add_user(UserSpec(name=name))

    async def issued(user: User) -> TokenView:
        time.advance(1)
        return (await accounts.issue_token(TokenSpec(user_id=user.id))).token

    users = [await added(name) for name in ("ann", "bob", "eve")]
    first = await accounts.users(cursor=None, limit=2)
    last = await accounts.users(cursor=first.next_cursor, limit=2)
    assert [*first.users, *last.users] == users[::-1]
    assert last.next_cursor is None
    await issued(users[0])
    wanted = [await issued(users[1]) for _ in range(3)]
    page = await accounts.tokens(users[1].id, cursor=None, limit=2)
    rest = await accounts.tokens(users[1].id, cursor=page.next_cursor, limit=2)
    assert [*page.tokens, *rest.tokens] == wanted[::-1]
    assert rest.next_cursor is None
    with pytest.raises(InvalidInput, match="cursor"):
        await accounts.users(cursor="x", limit=2)


async def test_an_expired_token_is_nobodys(accounts: Accounts, time: HeldTime) -> None:
    ann = await accounts.add_user(UserSpec(name="ann"))
    issued = await accounts.issue_token(TokenSpec(user_id=ann.id, expires_at=NOW + timedelta(minutes=1)))
    time.advance(61)
    assert await accounts.identify(issued.secret) is None
    with pytest.raises(InvalidInput, match="expires_at"):
        await accounts.issue_token(TokenSpec(user_id=ann.id, expires_at=NOW))


async def test_a_revoked_token_is_nobodys(accounts: Accounts) -> None:
    ann = await accounts.add_user(UserSpec(name="ann"))
    issued = await accounts.issue_token(TokenSpec(user_id=ann.id))
    assert await accounts.identify(issued.secret) is not None
    await accounts.revoke_token(issued.token.id)
    assert await accounts.identify(issued.secret) is None
    with pytest.raises(NotFound):
        await accounts.revoke_token(issued.token.id)


async def test_one_request_has_one_identity_and_one_answer(mongo: Mongo) -> None:
    requests = MongoRequests(mongo.asynchronous)
    standings = await asyncio.gather(*(requests.begin("ann", "key", "print", NOW) for _ in range(5)))
    assert len(set(standings)) == 1, "whoever dies, the next goes on under the same identity"
    assert isinstance(standings[0], Fresh)
    answer = Answered(201, b'{"id": 1}', (("location", "/v1/jobs/1"),))
    await requests.finish("ann", "key", answer)
    await requests.finish("ann", "key", Answered(409, b"{}", ()))  # the same request, sent twice at once
    assert await requests.begin("ann", "key", "print", at(9)) == answer
    assert await requests.begin("ann", "key", "other", at(9)) == Misused()
    assert isinstance(await requests.begin("bob", "key", "other", at(9)), Fresh), "keys are an owner's own"


async def test_requests_are_forgotten_after_a_day(mongo: Mongo) -> None:
    indexes = await mongo.asynchronous["requests"].index_information()
    (expiry,) = (index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index)
    assert expiry == 24 * 3600
