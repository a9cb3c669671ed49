"""What can be done to a good history. Each returns a history that no judge may let pass, or None where there
is nothing to do it to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from random import Random

from tests.chaos.judge.facts import HOOK, Arrival, History, Job
from tests.chaos.judge.verdict import Kind
from tests.chaos.judging.playing import numbered

Damage = Callable[[History, Random], History | None]


def dropped(history: History, random: Random) -> History | None:
    """A run that nothing excuses is gone, with all of its attempts and what follows from it."""
    runs = [run for run in _runs(history) if _is_plain(history, run[0])]
    return _without(history, random.choice(runs)) if runs else None


def hook_dropped(history: History, random: Random) -> History | None:
    """A hook is gone."""
    runs = [run for run in _runs(history, hooks=True) if _is_plain(history, run[0])]
    return _without(history, random.choice(runs)) if runs else None


def cut_short(history: History, random: Random) -> History | None:
    """The attempts of a run end before one succeeded."""
    plain = [run for run in _runs(history) if _is_plain(history, run[0])]
    runs = [run for run in plain if len(run) > 1 and _succeeds_last(run)]
    return _without(history, random.choice(runs)[-1:]) if runs else None


def early(history: History, random: Random) -> History | None:
    """A run is shifted to before its instant."""
    run = random.choice(_runs(history) or [()])
    if not run:
        return None
    shift = run[0].at - run[0].instant + random.randrange(history.limits.skew + 1, 60_000)
    moved = [replace(each, at=each.at - shift, ended=(each.ended or 0) - shift) for each in run]
    return _replaced(history, run, moved)


def late(history: History, random: Random) -> History | None:
    """A run is shifted to far behind its instant."""
    runs = [run for run in _runs(history) if _is_plain(history, run[0]) and _is_root(history, run[0])]
    if not runs:
        return None
    run = random.choice(runs)
    shift = 60_000 + history.limits.patience + sum(t.end - t.start for t in history.troubles)
    moved = [replace(each, at=each.at + shift, ended=(each.ended or 0) + shift) for each in run]
    return _replaced(history, run, moved)


def doubled(history: History, random: Random) -> History | None:
    """A run that had succeeded is made once more under its id, out of any trouble."""
    done = [run[-1] for run in _runs(history) if run[-1].succeeded]
    if not done:
        return None
    last = random.choice(done)
    at = max([last.ended or 0, *(t.end for t in history.troubles)]) + history.limits.commit + 1
    again = replace(last, at=at, ended=at + 10, attempt=last.attempt + 1, token=last.token + 1)
    ended = [t for t in history.troubles if t.start > (last.ended or 0) + history.limits.commit]
    return _with(replace(history, troubles=tuple(ended)), again)


def repeated(history: History, random: Random) -> History | None:
    """A request arrives twice, exactly the same."""
    run = random.choice(_runs(history) or [()])
    return _with(history, replace(run[-1], at=run[-1].at + random.randrange(1, 5_000))) if run else None


def forked(history: History, random: Random) -> History | None:
    """An instant is run a second time under another id."""
    run = random.choice(_runs(history) or [()])
    shift = random.randrange(1, 500)
    return (
        _with(history, *(replace(each, ident="forked", at=each.at + shift) for each in run)) if run else None
    )


def hook_forked(history: History, random: Random) -> History | None:
    """A hook fires twice for one outcome."""
    run = random.choice(_runs(history, hooks=True) or [()])
    return _with(history, replace(run[0], ident="forked", at=run[0].at + 9)) if run else None


def swapped(history: History, random: Random) -> History | None:
    """The fencing tokens of two attempts are swapped."""
    pairs = [pair for run in _runs(history) for pair in pairwise(run)]
    if not pairs:
        return None
    before, after = random.choice(pairs)
    crossed = [replace(before, token=after.token), replace(after, token=before.token)]
    return _replaced(history, (before, after), crossed)


def unexcused(history: History, random: Random) -> History | None:
    """The same attempt is made again, although nobody ended who could have handed it back."""
    return replace(history, drains=()) if _handed_back(history) else None


def answered(history: History, random: Random) -> History | None:
    """What was handed back had been answered."""
    pairs = _handed_back(history)
    if not pairs:
        return None
    before, _ = random.choice(pairs)
    return _replaced(history, (before,), [replace(before, status=200)])


def claimed_once(history: History, random: Random) -> History | None:
    """What was handed back is made again under the token that it had."""
    pairs = _handed_back(history)
    if not pairs:
        return None
    before, after = random.choice(pairs)
    return _replaced(history, (after,), [replace(after, token=before.token)])


def hasty(history: History, random: Random) -> History | None:
    """A retry comes before the end of its backoff."""
    pairs = [pair for run in _runs(history) for pair in pairwise(run) if _waits(history, pair[0])]
    if not pairs:
        return None
    before, after = random.choice(pairs)
    assert before.ended is not None
    return _replaced(history, (after,), [replace(after, at=before.ended + 20)])


def after_cancel(history: History, random: Random) -> History | None:
    """A run of a cancelled job is moved to behind the answer, when its request could no longer be leaving."""
    job = next((job for job in history.jobs.values() if job.cancel is not None), None)
    runs = [run for run in _runs(history) if job is not None and run[0].key == job.key]
    if job is None or not runs:
        return None
    assert job.cancel is not None
    return _moved(history, random.choice(runs), job.cancel.holds_from + random.randrange(1_001, 9_999))


def during_pause(history: History, random: Random) -> History | None:
    """A run is moved into a pause."""
    job = next((job for job in history.jobs.values() if job.pauses), None)
    runs = [run for run in _runs(history) if job is not None and run[0].key == job.key]
    if job is None or not runs:
        return None
    start, end = job.pauses[0].certain
    return _moved(history, random.choice(runs), random.randrange(start + 1_001, end - history.limits.skew))


def after_end(history: History, random: Random) -> History | None:
    """The schedule goes on behind its end."""
    runs = [run for run in _runs(history) if _end_of(history.jobs[run[0].key]) is not None]
    if not runs:
        return None
    run = random.choice(runs)
    end = _end_of(history.jobs[run[0].key])
    assert end is not None
    return _with(history, replace(run[0], ident="behind", instant=end, at=end + 5, ended=end + 9))


def between(history: History, random: Random) -> History | None:
    """A run of an instant that its schedule does not have."""
    runs = [run for run in _runs(history) if _end_of(history.jobs[run[0].key]) is None]
    if not runs:
        return None
    run = random.choice(runs)
    at = run[0].instant + random.randrange(1, 99)
    return _with(history, replace(run[0], ident="between", instant=at, at=at + 5, ended=at + 9))


def overdone(history: History, random: Random) -> History | None:
    """A dead letter is tried again."""
    dead = [run[-1] for run in _runs(history) if _dies(history, run[0])]
    if not dead:
        return None
    last = random.choice(dead)
    at = (last.ended or 0) + 5_000
    more = replace(last, attempt=last.attempt + 1, token=last.token + 1, at=at, ended=at)
    return _with(history, more)


def unheard(history: History, random: Random) -> History | None:
    """A listener is not told of the end of a run."""
    ends = [run[-1].ident for run in _runs(history) if run[-1].succeeded]
    if not ends:
        return None
    lost = random.choice(ends)
    return replace(history, heard=tuple(each for each in history.heard or () if each.subject != lost))


def heard_twice(history: History, random: Random) -> History | None:
    """A listener is told something again."""
    if not history.heard:
        return None
    return replace(history, heard=(*history.heard, random.choice(history.heard)))


DAMAGES: Mapping[Kind | str, Sequence[Damage]] = {
    Kind.LOST: (dropped, hook_dropped, cut_short),
    Kind.EARLY: (early, hasty),
    Kind.LATE: (late,),
    Kind.DOUBLED: (doubled, forked, hook_forked, heard_twice),
    Kind.UNHEARD: (unheard,),
    Kind.FENCE: (repeated, swapped, unexcused, answered, claimed_once),
    Kind.CANCELLED: (after_cancel,),
    Kind.PAUSED: (during_pause,),
    Kind.ENDED: (after_end,),
    Kind.EXTRA: (between, overdone),
}
"""By the kind of violation that has to be among those that are found."""


def _runs(history: History, *, hooks: bool = False) -> list[tuple[Arrival, ...]]:
    """The runs of steps, or those of hooks."""
    mine = [each for each in history.arrivals if each.part.startswith(HOOK) == hooks]
    mine.sort(key=lambda each: (each.ident, each.number))
    return [tuple(group) for _, group in groupby(mine, key=lambda each: each.ident)]


def _handed_back(history: History) -> list[tuple[Arrival, Arrival]]:
    """What was handed back, and the same attempt again."""
    pairs = [pair for run in _runs(history) for pair in pairwise(run)]
    return [(before, after) for before, after in pairs if before.attempt == after.attempt]


def _is_plain(history: History, arrival: Arrival) -> bool:
    job = history.jobs[arrival.key]
    return job.cancel is None and not job.pauses


def _is_root(history: History, arrival: Arrival) -> bool:
    return any(step.name == arrival.part and not step.after for step in history.jobs[arrival.key].steps)


def _dies(history: History, arrival: Arrival) -> bool:
    return any(step.name == arrival.part and step.dies for step in history.jobs[arrival.key].steps)


def _succeeds_last(run: Sequence[Arrival]) -> bool:
    return run[-1].succeeded and not any(each.succeeded for each in run[:-1])


def _waits(history: History, arrival: Arrival) -> bool:
    """Whether there is a backoff after it."""
    steps = {step.name: step for step in history.jobs[arrival.key].steps}
    return arrival.status == 503 and steps[arrival.part].delay > 2 * history.limits.skew


def _end_of(job: Job) -> int | None:
    return getattr(job.schedule, "end", None)


def _moved(history: History, run: Sequence[Arrival], at: int) -> History:
    shift = at - run[0].at
    moved = [replace(each, at=each.at + shift, ended=(each.ended or 0) + shift) for each in run]
    return _replaced(history, run, moved)


def _without(history: History, arrivals: Sequence[Arrival]) -> History:
    return _replaced(history, arrivals, [])


def _with(history: History, *arrivals: Arrival) -> History:
    return _replaced(history, (), arrivals)


def _replaced(history: History, old: Sequence[Arrival], new: Sequence[Arrival]) -> History:
    gone = {each.number for each in old}
    kept = [each for each in history.arrivals if each.number not in gone]
    return replace(history, arrivals=numbered([*kept, *new]))
