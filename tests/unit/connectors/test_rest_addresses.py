"""Where the rest connector connects to, and where it never does."""

import asyncio
from ipaddress import ip_address
from socket import AddressFamily
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import ValidationError

from karya.connectors.rest import RestConnector, RestSettings
from karya.connectors.rest.addresses import AddressPolicy, AddressRules
from karya.connectors.rest.settings import private_by_default
from karya.core.outcome import Failure, Success
from tests.support.target import Target, redirect
from tests.unit.connectors.conformance import CONTEXT
from tests.unit.connectors.rest_kit import action, free_port, opened, settings

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
]
LOCAL = [
    "127.0.0.1",
    "127.9.9.9",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "１２７.0.0.1",
    "127。0。0。1",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "[fd12::1]",
    "[::ffff:10.0.0.1]",
]
LINK_LOCAL = ["169.254.0.1", "[fe80::1]", "[fe80::1%25eth0]"]
SPECIAL = [
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "[ff02::1]",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "[2001:db8::1]",
]
TUNNELLED = [
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a00:1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2001:0:a00:1::]",
]
LEGACY = ["2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.1", "0x7f000001", "017700000001", "0", "134744072"]
PUBLIC = [
    "8.8.8.8",
    "172.32.0.1",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::808:808]",
    "100.128.0.1",
]


def refusal(host: str, **rules: Any) -> str | None:
    """Why an action for this host is refused at submission."""
    connector = RestConnector(settings(addresses={"allow_private": False} | rules))
    return connector.refusal(action(f"http://{host}/"))


@pytest.mark.parametrize("host", METADATA + LOCAL + PRIVATE + LINK_LOCAL + SPECIAL + TUNNELLED + LEGACY)
async def test_by_default_only_the_public_internet_is_called(host: str) -> None:
    async with opened(settings(addresses={"allow_private": None})) as rest:
        wanted = action(f"http://{host}:{free_port()}/")
        reason = rest.refusal(wanted)
        assert reason is not None
        assert reason.startswith("url: the ")
        assert await rest.run(wanted, CONTEXT) == Failure(
            reason.removeprefix("url: "), permanent=True, code="address"
        )


@pytest.mark.parametrize("host", [*PUBLIC, "example.com", "localhost", "a..b", "xn--p1ai"])
def test_public_addresses_and_names_pass_at_submission(host: str) -> None:
    assert refusal(host) is None


@pytest.mark.parametrize("host", LOCAL + PRIVATE)
def test_private_targets_can_be_allowed(host: str) -> None:
    assert refusal(host, allow_private=True) is None


@pytest.mark.parametrize("host", METADATA + LINK_LOCAL + SPECIAL + LEGACY)
def test_that_opens_neither_metadata_nor_link_local(host: str) -> None:
    assert refusal(host, allow_private=True)


def test_networks_can_be_allowed_and_denied() -> None:
    rules = {"allow": ["10.1.0.0/16", "fd00::/8"], "deny": ["10.1.2.0/24", "8.8.8.8"]}
    assert refusal("10.1.1.1", **rules) is None
    assert refusal("[::ffff:10.1.1.1]", **rules) is None
    assert refusal("[fd00::1]", **rules) is None
    assert refusal("10.2.0.1", **rules) == (
        "url: the address 10.2.0.1 is private: connectors.rest.addresses.allow does not list it"
    )
    assert refusal("10.1.2.3", **rules) == "url: the address 10.1.2.3 is denied by the settings"
    assert refusal("8.8.8.8", **rules) == "url: the address 8.8.8.8 is denied by the settings"


@pytest.mark.parametrize(
    ("wide", "exact", "host"),
    [
        ("169.254.0.0/16", "169.254.169.254", "169.254.169.254"),
        ("0.0.0.0/0", "100.100.100.200/32", "100.100.100.200"),
        ("fd00::/8", "fd00:ec2::254", "[fd00:ec2::254]"),
    ],
)
def test_metadata_is_opened_by_its_own_address_only(wide: str, exact: str, host: str) -> None:
    assert refusal(host, allow=[wide], allow_private=True)
    assert refusal(host, allow=[exact]) is None


def test_what_is_remembered_of_a_host_is_remembered_by_these_rules_alone() -> None:
    strict, open_ = AddressPolicy(AddressRules()), AddressPolicy(AddressRules(allow_private=True))
    for _ in range(2):
        assert open_.refuses_host("127.0.0.1") is None
        assert strict.refuses_host("127.0.0.1") == (
            "the address 127.0.0.1 is loopback: connectors.rest.addresses.allow does not list it"
        )
        assert strict.refuses_host("127.0.0.1.") != strict.refuses_host("127.0.0.1")
        assert strict.refuses_host("8.8.8.8") is None


def test_names_can_be_denied() -> None:
    rules = {"deny": ["*.internal", "Intra.example.com"]}
    for host in ("db.internal", "DB.Internal.", "intra.example.com", "a.b.internal"):
        assert refusal(host, **rules) == f"url: the host {host.lower()!r} is denied by the settings"
    assert refusal("internal", **rules) is None
    assert refusal("example.com", **rules) is None


@pytest.mark.parametrize(
    "rule", ["", "10.0.0.1/8", "10.0.0.0/33", "a b", "*", "*.*.x", "127.1", "http://h", "-"]
)
def test_rules_that_mean_nothing_are_refused(rule: str) -> None:
    with pytest.raises(ValidationError, match="neither an address, a network"):
        AddressRules(allow=(rule,))


class Names(AbstractResolver):
    """A name server whose answers change: each is used once, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=AddressFamily.AF_INET if ip_address(each).version == 4 else AddressFamily.AF_INET6,
                proto=0,
                flags=0,
            )
            for each in answer
        ]

    async def close(self) -> None:
        """Holds nothing."""


OPEN, INNER = "127.0.0.2", "127.0.0.1"
"""Both loopback; the policy of these tests allows the first and refuses the second."""
ONE_OPEN = settings(addresses={"allow_private": False, "allow": [OPEN]})


async def test_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    async with Target(OPEN) as target, Target(INNER) as inner:
        names = Names([OPEN], [INNER])
        url = f"http://rebind.example.com:{target.port}/"
        async with opened(ONE_OPEN, names) as rest:
            assert isinstance(await rest.run(action(url), CONTEXT), Success)
            assert names.asked == 1  # checked and connected to with one and the same answer
            inside = action(f"http://rebind.example.com:{inner.port}/")
            outcome = await rest.run(inside, CONTEXT)
        assert isinstance(outcome, Failure)
        assert outcome.permanent
        assert outcome.error.startswith("the address of the host 'rebind.example.com' is loopback")
        assert names.asked == 2
        assert (len(target.calls), len(inner.calls)) == (1, 0)


@pytest.mark.parametrize(
    "inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"]
)
async def test_a_name_of_a_refused_address_is_refused(inner: str) -> None:
    async with opened(ONE_OPEN, Names([inner])) as rest:
        wanted = action("http://public.example.com/")
        assert rest.refusal(wanted) is None
        outcome = await rest.run(wanted, CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.permanent
    assert inner not in outcome.error  # what a name resolves to inside is no business of the submitter


async def test_of_several_addresses_only_permitted_ones_are_tried() -> None:
    async with Target(OPEN) as target, opened(ONE_OPEN, Names([INNER, OPEN])) as rest:
        assert isinstance(await rest.run(action(f"http://h.example.com:{target.port}/"), CONTEXT), Success)


async def test_a_name_that_is_allowed_may_be_private_but_never_metadata() -> None:
    allowed = settings(addresses={"allow_private": False, "allow": ["*.example.com"]})
    async with Target(INNER) as target:
        async with opened(allowed, Names([INNER])) as rest:
            outcome = await rest.run(action(f"http://h.example.com:{target.port}/"), CONTEXT)
            assert isinstance(outcome, Success)
            outcome = await rest.run(action(f"http://h.example.org:{target.port}/"), CONTEXT)
            assert isinstance(outcome, Failure)
        async with opened(allowed, Names(["169.254.169.254"])) as rest:
            outcome = await rest.run(action("http://h.example.com/"), CONTEXT)
    assert isinstance(outcome, Failure)
    assert "is metadata" in outcome.error


async def test_localhost_is_refused_by_the_systems_own_resolver() -> None:
    async with Target() as target, opened(ONE_OPEN) as rest:
        outcome = await rest.run(action(f"http://localhost:{target.port}/"), CONTEXT)
        assert isinstance(outcome, Failure)
        assert outcome.error.startswith("the address of the host 'localhost' is loopback")
        assert target.calls == []


@pytest.mark.parametrize("location", ["http://{inner}/", "//{inner}/", "http://named.example.com:{port}/"])
async def test_every_hop_of_a_redirect_is_checked(location: str) -> None:
    async with Target(OPEN) as target, Target(INNER) as inner:
        where = location.format(inner=f"{INNER}:{inner.port}", port=inner.port)
        target.script(redirect(where, 307))
        async with opened(ONE_OPEN, Names([INNER])) as rest:
            outcome = await rest.run(action(target.url, method="POST", redirects=5), CONTEXT)
        assert isinstance(outcome, Failure)
        assert outcome.permanent
        assert "is loopback" in outcome.error
        assert inner.calls == []


async def test_many_attempts_that_share_a_lookup_are_all_refused() -> None:
    names = Names([INNER])
    async with opened(ONE_OPEN, names) as rest:
        wanted = action("http://h.example.com/")
        outcomes = await asyncio.gather(*(rest.run(wanted, CONTEXT) for _ in range(20)))
    assert all(isinstance(outcome, Failure) and outcome.permanent for outcome in outcomes)


def test_the_default_of_private_targets_is_filled_in_by_who_starts() -> None:
    for left_open in ({}, {"rest": {}}, {"rest": {"addresses": {"allow": ["10.0.0.1"]}}, "kafka": {"a": 1}}):
        for allowed in (True, False):
            sections = private_by_default(left_open, allowed)
            decided = RestSettings.model_validate(sections["rest"])
            assert (AddressPolicy(decided.addresses).refuses(ip_address(INNER)) is None) is allowed
            assert sections.keys() == left_open.keys() | {"rest"}


def test_what_the_operator_wrote_stays() -> None:
    for addresses in ({"allow_private": False}, {"allow_private": True}, "nonsense"):
        written = {"rest": {"addresses": addresses, "user_agent": "x"}}
        assert private_by_default(written, True) == written
