"""What of a step is built and what is reused: the decisions over a whole plan, and what follows from them for it."""

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headgate.domain.build_state import BuildState
from headgate.domain.command import Command
from headgate.domain.decision import Decision, Reason
from headgate.domain.graph import Graph
from headgate.domain.index import Index
from headgate.domain.job import ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.lineage import sees
from headgate.domain.reuse import Decided, decide_all

# Words that change nothing of what a command leaves behind.
_OF_SAYING = frozenset({"--warn-error", "--warn-error-options", "--indirect-selection", "--no-empty"})
_WITH_ONE_WORD = frozenset({"--warn-error-options", "--indirect-selection"})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The decisions of one step, and the states that they were made with."""

    decided: Decided
    states: Mapping[str, BuildState]
    reused: frozenset[str]

    def decision(self, unique_id: str) -> Decision:
        return self.decided.decisions.get(unique_id, Decision())


def verdicts(
    index: Index,
    order: Sequence[str],
    command: Command,
    *,
    policy: ReusePolicy,
    known: Knowledge,
    tested: Collection[str] = (),
    env: Mapping[str, str] | None = None,
) -> Verdicts:
    """Decide on each node of the plan, parents first. tested: the models whose unit tests run as well.

    env: environment variable -> digest of its value.
    """
    states = known.states(_wanted(index, order)) if policy.unchanged else {}
    decided = decide_all(
        index,
        order,
        states=states,
        sources=known.sources,
        policy=policy,
        now=known.now,
        forced=_forced(command, known, index),
        # Where a reference leads to is seen only by the runner, which knows what is there.
        elsewhere=index.nodes.keys() - set(order) if command.defer else (),
        unit_tests=tested,
        options=shlex.join(_of_building(command.options)),
        of_tests=_of_testing(command),
        env=env,
    )
    if known.forced:
        # Also where nothing is reused: whoever repeats a run wants to read why these nodes are in it.
        forced = Decision(reason=Reason.FORCED, fact=known.forced)
        decided = replace(decided, decisions=dict.fromkeys(order, forced))
    reused = frozenset(unique_id for unique_id, found in decided.decisions.items() if found.reuses)
    return Verdicts(decided, states, reused)


def _wanted(index: Index, order: Sequence[str]) -> set[str]:
    seen = sees(index)
    return {*order, *(upstream for unique_id in order for upstream in seen.get(unique_id, ()))}


def _forced(command: Command, known: Knowledge, index: Index) -> str:
    if not index.schema_version:
        # Nothing in it tells what its code depends on: all of it would look steady.
        return known.forced or "published by an earlier version of Headgate; `headgate publish` again"
    if "--sample" in command.options:
        # Which rows these are depends on the moment.
        return known.forced or "--sample"
    return known.forced or ("--full-refresh" if command.full_refresh else "")


def _of_building(options: Sequence[str]) -> Iterator[str]:
    """Of a command's further options those that may change a relation: `--empty`, `--sample`, event times."""
    before = ""
    for word in options:
        if word not in _OF_SAYING and before not in _WITH_ONE_WORD:
            yield word
        before = word


def _of_testing(command: Command) -> str:
    """What makes a warning a failure, or keeps the rows that failed: a test that ended without it says nothing."""
    strict = command.options if any(word.startswith("--warn-error") for word in command.options) else ()
    return shlex.join([*strict, *(["--store-failures"] if command.store_failures else [])])


def deciding_tests(index: Index, order: Sequence[str], reused: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Node -> the error-severity data tests of this plan that look at it and run: its build counts when they passed."""
    found: dict[str, list[str]] = defaultdict(list)
    for unique_id in order:
        node = index.nodes[unique_id]
        if node.resource_type == "test" and node.severity != "warn" and unique_id not in reused:
            for tested in node.depends_on:
                found[tested].append(unique_id)
    return {unique_id: tuple(sorted(tests)) for unique_id, tests in found.items()}


def waited_for(graph: Graph, order: Sequence[str], reused: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Node -> its parents, and across parents that are reused the nearest nodes that are built.

    The graph has no edge where a longer path leads to the same node. Nobody waits for a reused node on such a path, so
    without them a node could begin before something it reads is built.
    """
    across: dict[str, frozenset[str]] = {}
    waits = {}
    for unique_id in order:
        parents = set(graph.pred[unique_id])
        behind = [across[parent] for parent in parents if parent in reused]
        built = frozenset(parents - reused).union(*behind)
        if unique_id in reused:
            across[unique_id] = built
        waits[unique_id] = tuple(sorted(parents | built))
    return waits


def is_look_due(policy: ReusePolicy, known: Knowledge) -> bool:
    """Whether too long nobody saw which relations are there. A clock that went backwards says nothing: look."""
    return not 0 <= known.now - known.looked_at < policy.look_every
