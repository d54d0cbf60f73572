"""Planning a step: an index, a command and predictions become a Plan. What is planned is what dbt would queue.

How many runners: as many as the critical path lets be busy, K = ceil(1.15 * work / (critical path * threads));
more never end sooner.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from headgate.domain.build_order import build_queue_graph, resource_types
from headgate.domain.command import Command
from headgate.domain.engine import engine_of, in_dbts_words, restricted_to
from headgate.domain.graph import Graph, bottom_levels, topological_order
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, RetryPolicy, ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.plan import Engine, Plan, PlannedNode
from headgate.domain.plan_reuse import Verdicts, deciding_tests, is_look_due, verdicts, waited_for
from headgate.domain.plan_setting import Setting
from headgate.domain.planned_nodes import PlannedNodes
from headgate.domain.prediction import Predictions
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.resolve import Resolver
from headgate.domain.test_batches import batched

# Room for predictions that are too low: 15 % more work than predicted still keeps every runner busy.
_SLACK = 1.15
_NOTHING_SET = Setting()


@dataclass(frozen=True, slots=True)
class _Times:
    """What nodes take (unit tests included), and the longest path that starts at each; all in seconds."""

    seconds: Mapping[str, float]
    levels: Mapping[str, float]
    work: float
    critical_path: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a step builds: the nodes with a turn of their own, unit tests by their model, and what to say about it."""

    queued: frozenset[str]
    unit_tests: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def plan_step(
    index: Index,
    command: Command,
    *,
    run_id: int,
    step: int,
    bundle: str,
    environment: Environment,
    predictions: Mapping[str, float],
    job: Job | None = None,
    only: Collection[str] | None = None,
    dbt_version: str | None = None,
    state_bundle: str = "",
    earlier: Earlier | None = None,
    known: Knowledge | None = None,
    setting: Setting = _NOTHING_SET,
) -> Plan:
    """What one step builds, in which order and with how many runners; the same input gives the same plan.

    predictions: unique_id -> seconds, of nodes that were built before. only: exactly these nodes, whatever the
    command selects: a retry's. dbt_version: the dbt that will build; the one that parsed unless given. state_bundle:
    what `dbt clone` copies from and `--defer` refers to. earlier: what `state:`, `result:` and `source_status:` compare
    with. known: what was built and seen before. setting: what surrounds dbt. A selection that matches nothing is a plan
    with no nodes and no runners. Raises SelectionError.
    """
    version, known = dbt_version or index.dbt_version, known or Knowledge()
    engine = Engine.COMMAND if setting.anew else engine_of(command, version)
    # As one command, dbt decides by itself what it builds.
    policy = job.reuse if job and engine is Engine.SHARED else ReusePolicy()
    chosen = _chosen(index, command, only, earlier) if command.is_graph else _Chosen(frozenset(), {}, ())
    graph = build_queue_graph(index, chosen.queued, command.verb)
    order = topological_order(graph)
    verdict = verdicts(
        index, order, command,
        policy=policy, known=known, tested=chosen.unit_tests.keys(), env=setting.digests(known.now),
    )  # fmt: skip
    times = _times(graph, chosen, Predictions(index, predictions), verdict)
    nodes = PlannedNodes(index, command, environment, job, verdict if engine is Engine.SHARED else None)
    planned = _planned(index, graph, order, nodes, verdict, times, chosen)
    if policy.batch_tests:
        planned = batched(planned, index, store_failures=command.store_failures)
    if only is not None and not planned and command.is_graph:
        # Nothing to repeat; the command alone would build everything.
        engine = Engine.SHARED
    runners = count_runners(len(graph) - len(verdict.reused), times.work, times.critical_path, environment)
    look = runners == 0 and bool(planned) and policy.unchanged and is_look_due(policy, known)
    if engine is Engine.COMMAND:
        command = _as_one(command, index, only, version, earlier)
    return Plan(
        run_id=run_id,
        step=step,
        command=command,
        bundle=bundle,
        environment=environment.name,
        nodes=planned,
        runners=1 if look or engine is Engine.COMMAND else runners,
        # One command takes no places of nodes: at least by itself it keeps to the limit.
        threads=min(environment.threads, environment.concurrency or environment.threads),
        work_seconds=round(times.work, 3),
        critical_path_seconds=round(times.critical_path, 3),
        notes=(*known.notes, *chosen.notes, *nodes.notes()),
        engine=engine,
        fail_fast=index.fail_fast if command.fail_fast is None else command.fail_fast,
        retries=job.retries if job else RetryPolicy(),
        error_classes=environment.error_classes,
        pools=nodes.pools,
        state_bundle=state_bundle,
        reuse=policy.unchanged,
        versions=verdict.decided.versions,
        look=look,
        planned_at=known.now,
        variables=setting.variables,
        secrets=setting.secrets,
        schema=setting.schema,
        parse=setting.parse,
        anew=setting.anew,
    )


def _planned(
    index: Index,
    graph: Graph,
    order: Sequence[str],
    nodes: PlannedNodes,
    verdict: Verdicts,
    times: _Times,
    chosen: _Chosen,
) -> tuple[PlannedNode, ...]:
    parents, tests = waited_for(graph, order, verdict.reused), deciding_tests(index, order, verdict.reused)
    return tuple(
        nodes.planned(
            unique_id,
            parents[unique_id],
            times.seconds[unique_id],
            times.levels[unique_id],
            chosen.unit_tests.get(unique_id, ()),
            tests.get(unique_id, ()),
        )
        for unique_id in order
    )


def _as_one(
    command: Command,
    index: Index,
    only: Collection[str] | None,
    dbt_version: str,
    earlier: Earlier | None,
) -> Command:
    """The command as dbt itself is given it."""
    if only is None:
        return in_dbts_words(command, index, dbt_version, earlier)
    return restricted_to(command, index, only)


def _times(graph: Graph, chosen: _Chosen, own: Predictions, verdict: Verdicts) -> _Times:
    seconds = {node: own.of(node) + sum(map(own.of, chosen.unit_tests.get(node, ()))) for node in graph}
    spent = {node: 0.0 if node in verdict.reused else seconds[node] for node in graph}
    levels = bottom_levels(graph, spent)
    return _Times(
        seconds,
        # Of a reused node it counts only if the opening finds that it must be built.
        {node: level + seconds[node] - spent[node] for node, level in levels.items()},
        sum(spent.values()),
        max(levels.values(), default=0.0),
    )


def count_runners(nodes: int, work: float, critical_path: float, environment: Environment) -> int:
    """How many runners can be kept busy; at most the environment's, and never one that would get no node."""
    if not nodes:
        return 0
    threads = environment.threads
    useful = ceil(_SLACK * work / (critical_path * threads)) if critical_path > 0 else 1
    at_once = min(nodes, environment.concurrency or nodes)
    return max(1, min(useful, environment.runners.max, ceil(at_once / threads)))


def _chosen(index: Index, command: Command, only: Collection[str] | None, earlier: Earlier | None) -> _Chosen:
    if only is None:
        found, notes = _selected(index, command, earlier)
    else:
        found = {unique_id for unique_id in only if unique_id in index.nodes}
        notes = [f"{unique_id} is no longer there" for unique_id in sorted(set(only) - found)]
    types = resource_types(command)
    selected = {node for node in found if index.nodes[node].resource_type in types}
    if command.verb != "build":
        return _Chosen(frozenset(selected), {}, tuple(notes))
    # BuildTask runs unit tests within their model's turn, before the model.
    unit_tests: dict[str, list[str]] = defaultdict(list)
    for unique_id in sorted(selected):
        node = index.nodes[unique_id]
        if node.resource_type == "unit_test":
            unit_tests[str(node.tested)].append(unique_id)
    queued = {node for node in selected if index.nodes[node].resource_type != "unit_test"}
    notes += [
        f"{test} is selected, but dbt runs a unit test only together with its model {model}"
        for model, tests in unit_tests.items()
        for test in tests
        if model not in queued
    ]
    attached = {model: tuple(tests) for model, tests in unit_tests.items() if model in queued}
    return _Chosen(frozenset(queued), attached, tuple(notes))


def _selected(index: Index, command: Command, earlier: Earlier | None) -> tuple[set[str], list[str]]:
    resolved = Resolver(index, earlier).resolve(
        command.select,
        command.exclude,
        selector=command.selector,
        indirect=command.indirect,
        resource_types=resource_types(command),
    )
    notes = [f"{part!r} matches nothing that is enabled" for part in resolved.unmatched]
    return {node for node in resolved.nodes if not index.nodes[node].empty}, notes
