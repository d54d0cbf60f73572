"""The decision table of docs/reuse.md, row by row, for one node: the first row that holds decides."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from headgate.domain.build_state import FORMAT, BuildState
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.fingerprint import Fingerprint, what_changed
from headgate.domain.index import Index
from headgate.domain.instant import iso
from headgate.domain.terms import Terms
from headgate.domain.upstreams import Upstream, clock_time, is_sound, name_of, unsound_fact

_ENDED_WELL = frozenset({"pass", "warn"})


@dataclass(frozen=True, slots=True)
class Subject:
    """The node that is decided on. relation: where its build goes; none of a test."""

    unique_id: str
    resource_type: str
    relation: str
    fingerprint: Fingerprint
    terms: Terms

    @property
    def is_test(self) -> bool:
        return self.resource_type == "test"

    @property
    def by_build(self) -> bool:
        """Whether each build of a view that it reads counts: it is dropped with it, or tests it."""
        return self.terms.view or self.is_test


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known when it is decided.

    upstream: of an upstream of the subject. built: the upstreams that this run builds. run_of: the run in which a
    test ended last. index: for the paths of macros, if there is one.
    """

    now: float
    upstream: Callable[[str], Upstream]
    built: Collection[str] = ()
    run_of: Callable[[str], int] = lambda _: 0
    index: Index | None = None


@dataclass(frozen=True, slots=True)
class _News:
    """Why one direct parent has new data."""

    reason: Reason
    fact: str


def decide(subject: Subject, state: BuildState | None, moment: Moment) -> Decision:
    """Rows 2 to 12."""
    rows = _test_rows if subject.is_test else _rows
    return next(rows(subject, state, moment))


def _rows(subject: Subject, state: BuildState | None, moment: Moment) -> Iterator[Decision]:
    """Of everything that leaves a relation."""
    yield from _without_state(subject, state)
    assert state is not None  # noqa: S101 - the row above
    if fact := _unhealthy(state, moment):
        yield _build(Reason.UNHEALTHY, fact)
    if subject.terms.always:
        yield _build(Reason.VOLATILE, subject.terms.always)
    changed = what_changed(state.fingerprint, subject.fingerprint, moment.index, subject.unique_id)
    if changed and not subject.terms.respect_window:
        yield _build(Reason.CODE, changed)
    if subject.terms.view:
        yield from _view_rows(subject, state, moment)
        if not changed:
            yield _nothing_new(state, moment)
    news = [_News(Reason.CODE, changed)] if changed else _new_data(subject, state, moment)
    if not news:
        yield _nothing_new(state, moment)
    yield _inside_window(subject, state, moment) or _build(news[0].reason, news[0].fact)


def _without_state(subject: Subject, state: BuildState | None) -> Iterator[Decision]:
    if state is None:
        yield _build(Reason.MISSING, "never built here")
    elif state.format != FORMAT:
        yield _build(Reason.NO_STATE, f"what is remembered of it has format {state.format}, not {FORMAT}")
    elif state.version and state.relation != subject.relation:
        yield _build(Reason.NO_STATE, f"went to {state.relation or 'no relation'} before")
    elif not state.version:
        yield _build(Reason.MISSING, f"never built here: {unsound_fact(state)}" if state.status or state.holder
                     else "it was never built here, or is no longer there")  # fmt: skip


def _unhealthy(state: BuildState, moment: Moment) -> str:
    if not is_sound(state):
        return unsound_fact(state)
    if state.failed:
        test = min(state.failed)
        return f"{name_of(test)} failed in run {moment.run_of(test) or state.run_id}"
    if state.pending:
        return f"{name_of(min(state.pending))} has not ended since run {state.run_id} built it"
    return ""


def _new_data(subject: Subject, state: BuildState, moment: Moment) -> list[_News]:
    """Of the direct parents: what is new, if that is enough for a build."""
    terms = subject.terms
    found = [_first_news(group, subject, state, moment) for group in terms.reads]
    news = [one for one in found if one is not None]
    if terms.updates_on == "all" and len(news) < len(found):
        news = []
    if terms.hidden:
        news.append(_News(Reason.UNKNOWN_SOURCE, terms.hidden))
    # What is certainly new says more than what nobody knows.
    return sorted(news, key=lambda one: one.reason is Reason.UNKNOWN_SOURCE)


def _first_news(group: Collection[str], subject: Subject, state: BuildState, moment: Moment) -> _News | None:
    found = [one for upstream in group if (one := _news_of(upstream, subject, state, moment))]
    return min(found, key=lambda one: one.reason is Reason.UNKNOWN_SOURCE, default=None)


def _news_of(unique_id: str, subject: Subject, state: BuildState, moment: Moment) -> _News | None:
    upstream = moment.upstream(unique_id)
    if unique_id in moment.built and (subject.by_build or not upstream.transparent):
        return _News(Reason.NEW_DATA, f"{name_of(unique_id)} is built in this run")
    if unique_id in subject.terms.unknown:
        return _News(Reason.UNKNOWN_SOURCE, f"{upstream.fact}, but that is too long ago")
    if not upstream.version:
        return _News(Reason.UNKNOWN_SOURCE if upstream.unknown else Reason.NEW_DATA, upstream.fact)
    if state.seen.get(unique_id) != upstream.version:
        return _News(Reason.NEW_DATA, upstream.fact)
    return None


def _view_rows(subject: Subject, state: BuildState, moment: Moment) -> Iterator[Decision]:
    """A view shows new rows by itself. It is dropped with what it reads, and no window makes up for that."""
    terms = subject.terms
    news = [
        (upstream, one)
        for group in terms.reads
        for upstream in group
        if (one := _news_of(upstream, subject, state, moment))
    ]
    for upstream, one in news:
        if not upstream.startswith("source.") or terms.star or one.reason is Reason.UNKNOWN_SOURCE:
            yield _build(one.reason, one.fact)
    if terms.hidden:
        yield _build(Reason.UNKNOWN_SOURCE, terms.hidden)


def _inside_window(subject: Subject, state: BuildState, moment: Moment) -> Decision | None:
    window = subject.terms.window
    if window is None or subject.terms.view:
        return None
    age = moment.now - state.built_at
    if age < 0:
        fact = f"the clock went backwards: its last build ended at {clock_time(state.built_at, moment.now)}"
        return _build(Reason.NEW_DATA, fact)
    if age >= window:
        return None
    due = state.built_at + window
    return Decision(
        Action.REUSE, Reason.INSIDE_WINDOW, f"due at {clock_time(due, moment.now)}", due_at=iso(due)
    )


def _nothing_new(state: BuildState, moment: Moment) -> Decision:
    fact = f"nothing new since run {state.run_id} built it at {clock_time(state.built_at, moment.now)}"
    return Decision(Action.REUSE, Reason.NO_NEW_DATA, fact)


def _test_rows(subject: Subject, state: BuildState | None, moment: Moment) -> Iterator[Decision]:
    """A test has no window, and whatever may have changed of anything that it looks at makes it run."""
    if state is None or not state.status:
        yield _build(Reason.MISSING, "it has not run here yet")
        return
    if state.format != FORMAT:
        yield _build(Reason.NO_STATE, f"what is remembered of it has format {state.format}, not {FORMAT}")
    if state.status not in _ENDED_WELL:
        yield _build(Reason.UNHEALTHY, f"it ended with {state.status} in run {state.run_id}")
    if subject.terms.always:
        yield _build(Reason.VOLATILE, subject.terms.always)
    if changed := what_changed(state.fingerprint, subject.fingerprint, moment.index, subject.unique_id):
        yield _build(Reason.CODE, changed)
    if subject.terms.hidden:
        yield _build(Reason.UNKNOWN_SOURCE, subject.terms.hidden)
    for group in subject.terms.reads:
        if news := _first_news(group, subject, state, moment):
            yield _build(news.reason, news.fact)
    word = "warned" if state.status == "warn" else "passed"
    fact = f"it {word} in run {state.run_id}, {_ago(moment.now - state.built_at)}"
    status = "warn" if state.status == "warn" else "reused"
    yield Decision(Action.REUSE, Reason.NO_NEW_DATA, fact, status=status)


def _ago(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name} ago"
    return "just now"


def _build(reason: Reason, fact: str) -> Decision:
    return Decision(Action.BUILD, reason, fact)
