"""Resolving host names once, and handing on only addresses that may be connected to."""

from ipaddress import ip_address
from socket import AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from karya.connectors.rest.addresses import AddressPolicy


class AddressRefused(Exception):
    """The address policy forbids the target; the text says why and which setting decides."""


class GuardedResolver(AbstractResolver):
    """Asks another resolver and keeps only what the policy permits.

    aiohttp connects to the addresses that this returns and resolves nothing again, so a name that
    answers differently the next time (DNS rebinding) gains nothing.
    """

    def __init__(self, policy: AddressPolicy, names: AbstractResolver) -> None:
        self._policy = policy
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of a host. Raises AddressRefused when it has others only."""
        found = await self._names.resolve(host, port, family)
        reasons = [self._policy.refuses(ip_address(each["host"].partition("%")[0]), host) for each in found]
        permitted = [each for each, reason in zip(found, reasons, strict=True) if reason is None]
        if found and not permitted:
            raise AddressRefused(f"the address of the host {host!r} {reasons[0]}")
        return permitted

    async def close(self) -> None:
        """Closes the resolver behind it."""
        await self._names.close()


def check_host(policy: AddressPolicy, url: URL) -> None:
    """Raises AddressRefused for a host that needs no resolving: aiohttp asks no resolver about addresses."""
    if reason := policy.refuses_host(url.raw_host or ""):
        raise AddressRefused(reason)
