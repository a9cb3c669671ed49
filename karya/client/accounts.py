"""The operations of users and tokens, for admins; and who the caller is."""

from collections.abc import AsyncGenerator
from datetime import datetime

from karya.client.asking import PAGE, Asking
from karya.client.operation import Operation, Stream
from karya.client.request import Repeat, Request, get, patch, post, segment
from karya.core.user import Role, User
from karya.core.views import IssuedToken, TokenList, TokenView, UserList, Whoami

_USERS = "/v1/users"
_TOKENS = "/v1/tokens"


class AccountCalls(Asking):
    """Users and their tokens. All but `whoami` raise Forbidden for everybody but admins."""

    @Operation
    async def whoami(self) -> Whoami:
        """Who the gateway takes this client for. Raises Unauthenticated."""
        return await self._view(get("/v1/whoami"), Whoami)

    @Operation
    async def add_user(self, name: str, role: Role | str = Role.USER, *, weight: int = 1) -> User:
        """Makes a user, whose weight (1 to 100) is its share of the workers. Raises InvalidInput, and
        Conflict when the name is taken."""
        wanted = {"name": name, "role": role, "weight": weight}
        return await self._view(post(_USERS, Repeat.NEVER, wanted), User)

    @Operation
    async def change_user(self, user_id: str, *, weight: int) -> User:
        """Gives a user another weight (1 to 100). Raises InvalidInput, NotFound."""
        return await self._view(patch(f"{_USERS}/{segment('user', user_id)}", {"weight": weight}), User)

    @Operation
    async def users(self, *, cursor: str | None = None, limit: int = 20) -> UserList:
        """A page of the users, the newest first."""
        return await self._view(get(_USERS, cursor=cursor, limit=limit), UserList)

    @Stream
    async def all_users(self) -> AsyncGenerator[User, None]:
        """All users, the newest first."""
        async for page in self._pages(UserList, _USERS, limit=PAGE):
            for user in page.users:
                yield user

    @Operation
    async def issue_token(
        self, user_id: str, *, label: str = "", expires_at: datetime | str | None = None
    ) -> IssuedToken:
        """Makes a token; the answer is the only place where its `secret` ever stands. Raises InvalidInput,
        NotFound."""
        wanted = {"user_id": user_id, "label": label, "expires_at": expires_at}
        return await self._view(post(_TOKENS, Repeat.NEVER, wanted), IssuedToken)

    @Operation
    async def tokens(self, user_id: str, *, cursor: str | None = None, limit: int = 20) -> TokenList:
        """A page of the tokens of a user, without their secrets, the newest first. Raises NotFound."""
        return await self._view(get(_tokens_path(user_id), cursor=cursor, limit=limit), TokenList)

    @Stream
    async def all_tokens(self, user_id: str) -> AsyncGenerator[TokenView, None]:
        """All tokens of a user, without their secrets, the newest first. Raises NotFound."""
        async for page in self._pages(TokenList, _tokens_path(user_id), limit=PAGE):
            for token in page.tokens:
                yield token

    @Operation
    async def revoke_token(self, token_id: str) -> None:
        """Ends a token: within seconds nobody gets in with it. Raises NotFound."""
        await self._ask(Request("DELETE", f"{_TOKENS}/{segment('token', token_id)}", Repeat.NEVER))


def _tokens_path(user_id: str) -> str:
    return f"{_USERS}/{segment('user', user_id)}/tokens"
