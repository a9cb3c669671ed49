"""The operations of users and tokens, for admins; and who the caller is."""

from datetime import datetime

from karya.client.asking import Asking
from karya.client.operation import Operation
from karya.client.request import Repeat, Request, get, patch, post, segment
from karya.core.user import Role, User
from karya.core.views import IssuedToken, TokenList, UserList, Whoami

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
        path = f"{_USERS}/{segment('user', user_id)}/tokens"
        return await self._view(get(path, cursor=cursor, limit=limit), TokenList)

    @Operation
    async def revoke_token(self, token_id: str) -> None:
        """Ends a token: within seconds nobody gets in with it. Raises NotFound."""
        await self._ask(Request("DELETE", f"{_TOKENS}/{segment('token', token_id)}", Repeat.NEVER))
