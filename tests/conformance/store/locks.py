"""What every `Locks` must do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest

from karya.core.ports import LockLease
from karya.core.times import EPOCH
from tests.conformance.store.kit import TTL, StoreKit

T = TypeVar("T")


def at_once(work: Callable[[int], T], times: int = 20) -> list[T]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


class LocksConformance:
    """Leases by name."""

    def test_of_many_who_want_a_free_lock_one_gets_it(self, kit: StoreKit) -> None:
        leases = at_once(lambda number: kit.locks.acquire("lock", f"o{number}", TTL, {}))
        (lease,) = [lease for lease in leases if lease]
        assert lease.owner == f"o{leases.index(lease)}"
        assert lease.token == 1

    def test_of_many_who_want_an_expired_lock_one_gets_it(self, kit: StoreKit) -> None:
        kit.locks.acquire("lock", "dead", TTL, {})
        kit.time.advance(TTL.total_seconds())
        leases = at_once(lambda number: kit.locks.acquire("lock", f"o{number}", TTL, {}))
        assert [lease.token for lease in leases if lease] == [2]

    def test_locks_of_different_names_are_different(self, kit: StoreKit) -> None:
        leases = [kit.locks.acquire(name, name, TTL, {}) for name in ("a", "b")]
        assert leases == [LockLease("a", "a", 1), LockLease("b", "b", 1)]

    def test_nobody_else_gets_it_before_it_expires(self, kit: StoreKit) -> None:
        kit.locks.acquire("lock", "a", TTL, {})
        kit.time.advance(TTL.total_seconds() - 0.001)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None
        kit.time.advance(0.001)
        assert kit.locks.acquire("lock", "b", TTL, {}) == LockLease("lock", "b", 2)

    def test_the_token_rises_when_the_lock_changes_hands_and_not_otherwise(self, kit: StoreKit) -> None:
        for owner, token in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)]:
            kit.time.advance(3600)
            assert kit.locks.acquire("lock", owner, TTL, {}) == LockLease("lock", owner, token)

    def test_acquiring_again_extends(self, kit: StoreKit) -> None:
        kit.locks.acquire("lock", "a", TTL, {})
        kit.time.advance(15)
        kit.locks.acquire("lock", "a", TTL, {})
        kit.time.advance(15)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None

    def test_a_renewal_extends_from_now(self, kit: StoreKit) -> None:
        lease = kit.locks.acquire("lock", "a", TTL, {})
        assert lease
        kit.time.advance(15)
        assert kit.locks.renew(lease, TTL)
        kit.time.advance(15)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None

    def test_an_expired_lock_that_nobody_took_is_renewed(self, kit: StoreKit) -> None:
        lease = kit.locks.acquire("lock", "a", TTL, {})
        assert lease
        kit.time.advance(3600)
        assert kit.locks.renew(lease, TTL)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None

    def test_a_lost_lock_is_neither_renewed_nor_released(self, kit: StoreKit) -> None:
        lost = kit.locks.acquire("lock", "a", TTL, {})
        assert lost
        kit.time.advance(3600)
        held = kit.locks.acquire("lock", "b", TTL, {})
        assert held
        assert not kit.locks.renew(lost, TTL)
        kit.locks.release(lost)
        assert kit.locks.acquire("lock", "c", TTL, {}) is None
        assert kit.locks.renew(held, TTL)

    def test_the_lease_of_an_earlier_term_is_worth_nothing(self, kit: StoreKit) -> None:
        earlier = kit.locks.acquire("lock", "a", TTL, {})
        assert earlier
        kit.locks.release(earlier)
        assert kit.locks.acquire("lock", "a", TTL, {}) == LockLease("lock", "a", 2)
        assert not kit.locks.renew(earlier, TTL)
        kit.locks.release(earlier)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None

    def test_a_released_lock_is_free_and_its_lease_lost(self, kit: StoreKit) -> None:
        lease = kit.locks.acquire("lock", "a", TTL, {})
        assert lease
        kit.locks.release(lease)
        assert not kit.locks.renew(lease, TTL)
        assert kit.locks.acquire("lock", "b", TTL, {}) == LockLease("lock", "b", 2)

    def test_a_lock_that_never_was_is_not_renewed(self, kit: StoreKit) -> None:
        lease = LockLease("lock", "a", 1)
        assert not kit.locks.renew(lease, TTL)
        kit.locks.release(lease)
        assert kit.locks.acquire("lock", "b", TTL, {})

    def test_the_next_holder_learns_since_when_nobody_held_it(self, kit: StoreKit) -> None:
        first = kit.locks.acquire("lock", "a", TTL, {})
        assert first
        assert first.idle_since == EPOCH
        kit.time.advance(5)
        assert kit.locks.renew(first, TTL)
        renewed = kit.time.now
        kit.time.advance(3600)
        second = kit.locks.acquire("lock", "b", TTL, {})
        assert second
        assert second.idle_since == renewed
        assert kit.locks.renew(second, TTL)
        used = kit.time.now
        kit.time.advance(1)
        kit.locks.release(second)
        kit.time.advance(3600)
        third = kit.locks.acquire("lock", "a", TTL, {})
        assert third
        assert third.idle_since == used

    @pytest.mark.parametrize("next_owner", ["b", "c"])
    def test_who_never_knew_that_it_holds_it_has_not_made_use_of_it(
        self, kit: StoreKit, next_owner: str
    ) -> None:
        """The answer was lost, and it asked again; or it died, and another came."""
        first = kit.locks.acquire("lock", "a", TTL, {})
        assert first
        assert kit.locks.renew(first, TTL)
        used = kit.time.now
        kit.time.advance(3600)
        assert kit.locks.acquire("lock", "b", TTL, {})
        kit.time.advance(0 if next_owner == "b" else TTL.total_seconds())
        second = kit.locks.acquire("lock", next_owner, TTL, {})
        assert second
        assert second.idle_since == used

    @pytest.mark.parametrize("owner", ["$owner", "$$NOW", "a.b", "\0", "𝕳" * 1000])
    def test_an_owner_is_only_a_name(self, kit: StoreKit, owner: str) -> None:
        lease = kit.locks.acquire("lock", owner, TTL, {"endpoint": owner})
        assert lease == LockLease("lock", owner, 1)
        assert kit.locks.acquire("lock", "b", TTL, {}) is None
        assert kit.locks.renew(lease, TTL)

    def test_it_expires_by_the_clock_of_the_server(self, kit: StoreKit) -> None:
        assert kit.server_locks.acquire("lock", "a", TTL, {})
        assert kit.server_locks.acquire("lock", "b", TTL, {}) is None
        assert kit.server_locks.acquire("lock", "a", timedelta(0), {})
        assert kit.server_locks.acquire("lock", "b", TTL, {})
