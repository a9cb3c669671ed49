"""Users and tokens: the AccountService port, as one plain class."""

from karya.core.errors import InvalidInput, NotFound, existing
from karya.core.ids import new_id
from karya.core.ports import Clock
from karya.core.ports.accounts import TokenRepository, UserRepository
from karya.core.times import floor_millis
from karya.core.user import Principal, TokenSpec, User, UserChange, UserSpec, digest_of, new_token
from karya.core.views import IssuedToken, TokenList, TokenView, UserList

_REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 10_000


class Accounts:
    """Implements `AccountService`. Who a token belongs to is remembered for a few seconds, so that a busy
    client does not cost a read for each request; a revoked token is refused after that at the latest."""

    def __init__(self, users: UserRepository, tokens: TokenRepository, clock: Clock) -> None:
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._known: dict[str, tuple[float, Principal | None]] = {}

    async def add_user(self, spec: UserSpec) -> User:
        """See `AccountService.add_user`."""
        now = floor_millis(self._clock.now())
        user = User(id=new_id(now), created_at=now, **dict(spec))
        await self._users.add(user)
        return user

    async def change_user(self, user_id: str, change: UserChange) -> User:
        """See `AccountService.change_user`."""
        return existing(await self._users.change(user_id, change), "user", user_id)

    async def user(self, user_id: str) -> User:
        """See `AccountService.user`."""
        return existing(await self._users.get(user_id), "user", user_id)

    async def user_named(self, name: str) -> User:
        """See `AccountService.user_named`."""
        return existing(await self._users.named(name), "user", name)

    async def users(self, *, cursor: str | None, limit: int) -> UserList:
        """See `AccountService.users`."""
        page = await self._users.list(cursor=cursor, limit=limit)
        return UserList(users=tuple(page.items), next_cursor=page.next_cursor)

    async def issue_token(self, spec: TokenSpec) -> IssuedToken:
        """See `AccountService.issue_token`."""
        now = floor_millis(self._clock.now())
        if await self._users.get(spec.user_id) is None:
            raise InvalidInput.at("user_id", f"there is no user {spec.user_id!r}: make one first")
        if spec.expires_at is not None and spec.expires_at <= now:
            raise InvalidInput.at("expires_at", "lies in the past: such a token would never hold")
        token, secret = new_token(spec, now)
        await self._tokens.add(token)
        return IssuedToken(token=TokenView.of(token), secret=secret)

    async def tokens(self, user_id: str, *, cursor: str | None, limit: int) -> TokenList:
        """See `AccountService.tokens`."""
        await self.user(user_id)
        page = await self._tokens.of_user(user_id, cursor=cursor, limit=limit)
        return TokenList(tokens=tuple(map(TokenView.of, page.items)), next_cursor=page.next_cursor)

    async def revoke_token(self, token_id: str) -> None:
        """See `AccountService.revoke_token`."""
        if not await self._tokens.revoke(token_id):
            raise NotFound("token", token_id)
        self._known.clear()

    async def identify(self, secret: str) -> Principal | None:
        """See `AccountService.identify`."""
        digest, now = digest_of(secret), self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        principal = await self._look_up(digest)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = (now + _REMEMBERED_SECONDS, principal)
        return principal

    async def _look_up(self, digest: str) -> Principal | None:
        token = await self._tokens.find(digest, self._clock.now())
        user = await self._users.get(token.user_id) if token else None
        return Principal(user.id, user.role) if user else None
