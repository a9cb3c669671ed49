"""The graph of steps: what is refused; every step ends once, as an independent oracle says (issue 3)."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karya.core.graph import Gate, Open, Skip, Wait, ancestors, check_graph, reopened, successors
from karya.core.steps import Step, When
from karya.core.task import OPEN_STATES, TaskState

S = TaskState


def step(name: str, *after: str, when: When = When.SUCCESS, body: str = "") -> Step:
    return Step(name=name, action=json.dumps({"type": "rest", "body": body}), after=after, when=when)


def uses(name: str, body: str, *after: str) -> Step:
    return step(name, *after, body=body)


LOAD = "{{steps.load.result}}"


@pytest.mark.parametrize(
    ("steps", "errors"),
    [
        ([step("a"), step("b"), step("a")], {"steps.2.name": "another step is named 'a' already"}),
        (
            [step("extract"), step("load", "extrat")],
            {"steps.1.after.0": "there is no step 'extrat': did you mean 'extract'?"},
        ),
        ([step("a"), step("b", "a", "zzz")], {"steps.1.after.1": "there is no step 'zzz'"}),
        ([step("a", "a")], {"steps.0.after.0": "step 'a' cannot come after itself"}),
        ([step("a"), step("b", "a", "a")], {"steps.1.after.1": "'a' is listed twice"}),
        (
            [step("a", when=When.FAILURE), step("b", "c")],
            {
                "steps.0.when": "'failure' needs steps to come after: name them in after",
                "steps.1.after.0": "there is no step 'c'",
            },
        ),
        (
            [step("first"), step("extract", "first", "load"), step("load", "extract")],
            {"steps.1.after.1": "the steps wait for each other: extract > load > extract"},
        ),
        (
            [step("a", "c"), step("c", "b"), step("b", "a")],
            {"steps.0.after.0": "the steps wait for each other: a > b > c > a"},
        ),
        (
            [uses("extract", LOAD), step("load")],
            {"steps.0.action": "refers to steps.load, which does not come before it: add it to after"},
        ),
        (
            [uses("extract", LOAD), step("load", "extract")],
            {"steps.0.action": "refers to steps.load, which comes after it"},
        ),
        ([uses("load", LOAD)], {"steps.0.action": "refers to steps.load, itself, which has no result yet"}),
        (
            [step("loat"), uses("b", LOAD, "loat")],
            {"steps.1.action": "refers to steps.load, which is no step of this job: did you mean 'loat'?"},
        ),
        (
            [step("a"), uses("b", "{{ nonsense", "a")],
            {"steps.1.action": "body, character 1: '{{ nonsense' is no placeholder"},
        ),
    ],
)
def test_an_unsound_graph_says_where_and_why(steps: list[Step], errors: dict[str, str]) -> None:
    found = {error.field: error.message for error in check_graph(steps)}
    assert found.keys() == errors.keys()
    for field, message in errors.items():
        assert found[field].startswith(message)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [step("a"), step("b", when=When.ALWAYS)],
        [step("b", "a"), step("a")],
        [step("load"), step("b", "load"), uses("c", LOAD, "b")],
        [step("load"), uses("c", LOAD, "load"), uses("d", "{{event.id}} {{steps.load.error}}", "c")],
    ],
)
def test_a_sound_graph(steps: list[Step]) -> None:
    assert check_graph(steps) == []


def test_errors_are_not_without_end() -> None:
    assert len(check_graph([step(f"s{n}", *(f"none{m}" for m in range(50))) for n in range(100)])) == 20


def test_a_long_chain_is_no_problem() -> None:
    chain = [step("s0"), *(step(f"s{n}", f"s{n - 1}") for n in range(1, 2000))]
    assert check_graph(chain) == []
    assert len(ancestors(chain)["s1999"]) == 1999
    assert "s0 > s1 > s2" in check_graph([step("s0", "s1999"), *chain[1:]])[0].message


def test_ancestors_and_successors_of_a_diamond() -> None:
    diamond = [step("d", "b", "c"), step("a"), step("c", "a"), step("b", "a")]
    assert ancestors(diamond) == {
        "a": frozenset(),
        "b": frozenset("a"),
        "c": frozenset("a"),
        "d": frozenset("abc"),
    }
    assert successors(diamond) == {"a": ("c", "b"), "b": ("d",), "c": ("d",), "d": ()}


@pytest.mark.parametrize(
    ("when", "outcomes", "verdict"),
    [
        (When.SUCCESS, {}, Wait()),
        (When.SUCCESS, {"a": S.SUCCEEDED}, Wait()),
        (When.SUCCESS, {"a": S.SUCCEEDED, "b": S.SUCCEEDED}, Open()),
        (When.SUCCESS, {"b": S.DEAD}, Skip("step 'b' failed")),
        (When.SUCCESS, {"b": S.SKIPPED, "a": S.DEAD}, Skip("step 'b' was skipped")),
        (When.SUCCESS, {"a": S.SUCCEEDED, "b": S.CANCELLED}, Skip("step 'b' was cancelled")),
        (When.FAILURE, {"a": S.DEAD}, Wait()),
        (When.FAILURE, {"a": S.DEAD, "b": S.SUCCEEDED}, Open()),
        (
            When.FAILURE,
            {"b": S.SKIPPED, "a": S.SUCCEEDED},
            Skip("runs only after a failure: step 'a' succeeded, step 'b' was skipped"),
        ),
        (When.ALWAYS, {"a": S.DEAD}, Wait()),
        (When.ALWAYS, {"a": S.CANCELLED, "b": S.SKIPPED}, Open()),
    ],
)
def test_the_verdict_on_a_step_behind_two(
    when: When, outcomes: Mapping[str, TaskState], verdict: object
) -> None:
    gate = Gate.of(step("x", "a", "b", when=when))
    for name, state in outcomes.items():
        gate = gate.after(name, state)
    assert gate.verdict() == verdict


def test_a_reason_names_a_few_steps_only() -> None:
    gate = Gate.of(step("x", *"abcdef", when=When.FAILURE))
    for name in "fedcba":
        gate = gate.after(name, S.SUCCEEDED)
    assert gate.verdict() == Skip(
        "runs only after a failure: step 'a' succeeded, step 'b' succeeded, step 'c' succeeded and 3 more"
    )


def test_what_is_told_again_or_is_no_business_of_the_gate_changes_nothing() -> None:
    gate = Gate.of(step("x", "a", "b")).after("a", S.SUCCEEDED)
    assert gate.after("a", S.DEAD) is gate
    assert gate.after("z", S.DEAD) is gate


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_a_step_that_has_not_ended_is_no_news(state: TaskState) -> None:
    with pytest.raises(ValueError, match="step 'a' has not ended"):
        Gate.of(step("x", "a")).after("a", state)


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    """Sound graphs of up to eight steps, in any order."""
    steps: list[Step] = []
    for name in "abcdefgh"[: draw(st.integers(1, 8))]:
        after = draw(st.lists(st.sampled_from([s.name for s in steps]), unique=True)) if steps else []
        when = draw(st.sampled_from(When if after else [When.SUCCESS, When.ALWAYS]))
        steps.append(step(name, *after, when=when))
    return draw(st.permutations(steps))


def fates() -> st.SearchStrategy[dict[str, TaskState]]:
    """What becomes of each step if it runs."""
    ran = st.sampled_from([S.SUCCEEDED, S.DEAD, S.CANCELLED])
    return st.fixed_dictionaries(dict.fromkeys("abcdefgh", ran))


def runs(one: Step, states: Mapping[str, TaskState]) -> bool:
    """The words of the issue about a step all of whose steps before it have ended."""
    before = [states[parent].value for parent in one.after]
    return {
        When.SUCCESS: before.count("SUCCEEDED") == len(before),
        When.FAILURE: "DEAD" in before,
        When.ALWAYS: True,
    }[one.when]


def oracle(steps: Sequence[Step], fate: Mapping[str, TaskState]) -> dict[str, TaskState]:
    """What becomes of every step, without gates."""
    by_name = {s.name: s for s in steps}

    def end(name: str) -> TaskState:
        before = {parent: end(parent) for parent in by_name[name].after}
        return fate[name] if runs(by_name[name], before) else S.SKIPPED

    return {name: end(name) for name in by_name}


class Occurrence:
    """Drives the gates of one occurrence as a store would: one piece of news at a time, in any order."""

    def __init__(self, steps: Sequence[Step], fate: Mapping[str, TaskState], data: st.DataObject) -> None:
        self.steps = {s.name: s for s in steps}
        self.fate, self.data = dict(fate), data
        self.behind = successors(steps)
        self.gates = {s.name: Gate.of(s) for s in steps}
        self.running: set[str] = set()
        self.news: list[str] = []
        self.ended: dict[str, TaskState] = {}
        self.redriven: set[str] = set()

    def run(self, later: Mapping[str, TaskState] | None = None) -> dict[str, TaskState]:
        """Until nothing is left to happen; with `later` every DEAD step is redriven once, some time."""
        for name in [*self.gates]:
            self.decide(name)
        while choices := self.choices(redrive=later is not None):
            happens, name = self.data.draw(st.sampled_from(choices))
            if happens == "ends":
                self.running.remove(name)
                self.end(name, self.fate[name])
            elif happens == "is told":
                self.news.remove(name)
                self.tell(name)
            elif later is not None:
                self.redrive(name, later[name])
        return self.ended

    def choices(self, redrive: bool) -> list[tuple[str, str]]:
        dead = {name for name, state in self.ended.items() if state is S.DEAD and redrive} - self.redriven
        return [
            *(("ends", name) for name in sorted(self.running)),
            *(("is told", name) for name in self.news),
            *(("is redriven", name) for name in sorted(dead)),
        ]

    def tell(self, name: str) -> None:
        for follower in self.behind[name]:
            if follower in self.gates:
                self.gates[follower] = self.gates[follower].after(name, self.ended[name])
                self.decide(follower)

    def decide(self, name: str) -> None:
        match self.gates[name].verdict():
            case Open():
                assert self.ended.keys() >= {*self.steps[name].after}, "too early"
                assert runs(self.steps[name], self.ended)
                del self.gates[name]
                self.running.add(name)
            case Skip(reason):
                assert reason
                del self.gates[name]
                self.end(name, S.SKIPPED)

    def end(self, name: str, state: TaskState) -> None:
        assert name not in self.ended, "ended twice"
        self.ended[name] = state
        self.news.append(name)

    def redrive(self, name: str, fate: TaskState) -> None:
        states = dict.fromkeys(self.gates, S.BLOCKED) | dict.fromkeys(self.running, S.RUNNING) | self.ended
        gates = reopened([*self.steps.values()], states, name)
        assert all(gate.verdict() == Wait() for gate in gates.values())
        for again in self.ended.keys() & {name, *gates}:
            del self.ended[again]
        self.news = [one for one in self.news if one in self.ended]
        self.gates |= gates
        self.redriven.add(name)
        self.running.add(name)
        self.fate[name] = fate


@given(graphs(), fates(), st.data())
def test_every_step_ends_once_in_any_order_as_the_oracle_says(
    steps: list[Step], fate: dict[str, TaskState], data: st.DataObject
) -> None:
    assert check_graph(steps) == []
    occurrence = Occurrence(steps, fate, data)
    assert occurrence.run() == oracle(steps, fate)
    assert not occurrence.gates, "still blocked"


@settings(max_examples=300)
@given(graphs(), fates(), fates(), st.data())
def test_with_redrives_at_any_time_nothing_is_stuck_and_nothing_stays_skipped_without_cause(
    steps: list[Step], fate: dict[str, TaskState], later: dict[str, TaskState], data: st.DataObject
) -> None:
    occurrence = Occurrence(steps, fate, data)
    ended = occurrence.run(later)
    assert ended.keys() == occurrence.steps.keys()
    for one in steps:
        assert ended[one.name] is not S.SKIPPED or not runs(one, ended)


@settings(max_examples=300)
@given(graphs(), fates(), fates(), st.data())
def test_after_a_redrive_success_paths_end_as_if_nothing_had_failed(
    steps: list[Step], fate: dict[str, TaskState], later: dict[str, TaskState], data: st.DataObject
) -> None:
    plain = [one.model_copy(update={"when": When.SUCCESS}) for one in steps]
    mended = {name: later[name] if state is S.DEAD else state for name, state in fate.items()}
    occurrence = Occurrence(plain, fate, data)
    assert occurrence.run() == oracle(plain, fate)
    assert occurrence.run(later) == oracle(plain, mended)


@given(graphs())
def test_a_way_back_is_always_found(steps: list[Step]) -> None:
    for name, before in ancestors(steps).items():
        for far in before:
            closed = [s.model_copy(update={"after": (*s.after, name)}) if s.name == far else s for s in steps]
            (error,) = check_graph(closed)
            circle = error.message.split(": ")[1].split(" > ")
            after = {s.name: s.after for s in closed}
            assert circle[0] == circle[-1]
            assert circle[0] == next(s.name for s in steps if s.name in circle)
            assert error.field.startswith(f"steps.{[s.name for s in steps].index(circle[0])}.after.")
            assert all(one in after[next_one] for one, next_one in pairwise(circle))


def test_a_step_that_another_failure_keeps_shut_stays_skipped() -> None:
    steps = [
        step("a"),
        step("b"),
        step("both", "a", "b"),
        step("one", "a"),
        step("alarm", "both", when=When.FAILURE),
    ]
    states = oracle(steps, dict.fromkeys(["a", "b", "both", "one", "alarm"], S.DEAD))
    assert states == {"a": S.DEAD, "b": S.DEAD, "both": S.SKIPPED, "one": S.SKIPPED, "alarm": S.SKIPPED}
    assert reopened(steps, states, "a") == {"one": Gate(When.SUCCESS, frozenset("a"))}
    assert [*reopened(steps, {**states, "b": S.READY}, "a")] == ["one", "both", "alarm"]


def test_a_blocked_step_forgets_the_failure_that_is_redriven() -> None:
    steps = [step("a"), step("b"), step("alarm", "a", "b", when=When.FAILURE)]
    states = {"a": S.DEAD, "b": S.RUNNING, "alarm": S.BLOCKED}
    gate = reopened(steps, states, "a")["alarm"]
    assert gate == Gate(When.FAILURE, frozenset("ab"))
