"""A warehouse that remembers what each relation was really made of, to check what reuse believes of it.

Content is a value: of a table, its code and the contents of what it read when it was built; of a view, those of now. So
whether a reused node is what a build would leave is seen, not computed by any rule of reuse. Runs go node by node as a
runner does, and may be stopped, fail or be overtaken by another run between any two of their moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from zlib import crc32

from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.domain.build_state import BuildState, Hold
from headgate.domain.code import Code, Macro
from headgate.domain.command import Command
from headgate.domain.index import Index, Node
from headgate.domain.job import ReusePolicy
from headgate.domain.lineage import is_transparent
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.reuse import decide_again, decide_all, relation_of, versions_now
from headgate.domain.source_versions import source_versions
from headgate.domain.sync import Sync
from tests.builders import make_index, make_node

ENVIRONMENT = "production"
SOURCES = ("source.shop.raw.a", "source.shop.raw.b", "source.shop.far.c")
CONNECTORS = {"source.shop.raw.a": "fa", "source.shop.raw.b": "fb"}
MACRO = "macro.shop.cents"
POLICY = ReusePolicy(unchanged=True, silent_after=1e12)


@dataclass
class World:
    """Everything outside Headgate, and what Headgate remembers. models: parents first."""

    random: Random
    models: list[str] = field(default_factory=list)
    tests: dict[str, tuple[str, ...]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    macro: int = 0
    data: Counter[str] = field(default_factory=Counter)
    syncs: dict[str, Sync] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    views: dict[str, tuple[Any, tuple[str, ...]]] = field(default_factory=dict)
    states: MemoryBuildStates = field(default_factory=MemoryBuildStates)
    past: list[Counter[str]] = field(default_factory=list)
    now: float = 1_000_000.0
    runs: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def index(self) -> Index:
        """The project as it is now."""
        macro = Macro(checksum=str(self.macro), text=str(self.macro), path="macros/cents.sql")
        return make_index(*self.nodes.values(), macros={MACRO: macro})

    def code(self, node: Node, macro: str) -> Any:
        return (node.code.text, node.depends_on, macro if node.code.macros else "")

    def content(self, unique_id: str, index: Index, coming: Collection[str] = ()) -> Any:
        """What a query against it gives now. An ephemeral model is its code in this index.

        coming: views that will be built before anybody reads them.
        """
        if unique_id in SOURCES:
            return self.data[unique_id]
        node = index.nodes[unique_id]
        if node.materialized == "ephemeral" or (unique_id in coming and is_transparent(node)):
            return self.made(node, index, coming)
        if unique_id in self.views:
            code, parents, of = self.views[unique_id]
            return (code, tuple(self.content(parent, of, coming) for parent in parents))
        return self.tables.get(unique_id)

    def made(self, node: Node, index: Index, coming: Collection[str] = ()) -> Any:
        """What building it now would leave."""
        parents = tuple(self.content(parent, index, coming) for parent in node.depends_on)
        return (self.code(node, index.macros[MACRO].text), parents)

    def build(self, node: Node, index: Index) -> None:
        if is_transparent(node):
            self.tables.pop(node.unique_id, None)
            self.views[node.unique_id] = (self.code(node, index.macros[MACRO].text), node.depends_on, index)
            self._drop_behind(node.unique_id)
        else:
            self.tables[node.unique_id] = self.made(node, index)
            self.views.pop(node.unique_id, None)
            self._drop_behind(node.unique_id)

    def _drop_behind(self, unique_id: str) -> None:
        for view, (_, parents, _) in list(self.views.items()):
            if unique_id in parents and self.views.pop(view, None):
                self._drop_behind(view)

    def is_there(self, unique_id: str) -> bool:
        return unique_id in self.tables or unique_id in self.views

    def passes(self, test: str, index: Index, coming: Collection[str] = ()) -> bool:
        read = repr([self.content(parent, index, coming) for parent in index.nodes[test].depends_on])
        return crc32(read.encode()) % 9 > 0


def new_world(seed: int) -> World:
    """Some models over three sources, of which one tells nobody when it changes."""
    random = Random(seed)
    world = World(random)
    for source in SOURCES:
        connector = CONNECTORS.get(source)
        world.nodes[source] = make_node(source, schema="raw", connectors=(connector,) if connector else ())
    for number in range(random.randint(3, 8)):
        unique_id = f"model.shop.m{number}"
        world.models.append(unique_id)
        edit(world, unique_id)
        if random.random() < 0.3:
            test = f"test.shop.t{number}.x"
            world.tests[test] = (unique_id,)
            world.nodes[test] = make_node(test, unique_id, severity="error", code=Code(text="t"))
    for source in CONNECTORS:
        sync(world, source)
    return world


def edit(world: World, unique_id: str) -> None:
    """New code, perhaps the code it had before; other parents, another materialization."""
    random, number = world.random, int(unique_id.rpartition("m")[2])
    sources = SOURCES if random.random() < 0.15 else SOURCES[:2]
    before = [f"model.shop.m{other}" for other in range(number)]
    parents = random.sample([*sources, *before], min(random.randint(1, 2), number + 1))
    kind = random.choice(("table", "table", "view", "ephemeral", "incremental"))
    macros = (MACRO,) if random.random() < 0.3 else ()
    old = world.nodes.get(unique_id)
    if old and random.random() < 0.6:
        parents, kind = list(old.depends_on), old.materialized
    world.nodes[unique_id] = make_node(
        unique_id, *sorted(parents), materialized=kind, relation_name=f'"{unique_id}"',
        code=Code(text=f"{random.randint(0, 2)} {kind} {sorted(parents)}", config=kind, macros=macros),
    )  # fmt: skip


def sync(world: World, source: str, *, twice: bool = False) -> None:
    name = CONNECTORS[source]
    if not twice:
        world.data[source] += 1
    world.syncs[f"fivetran/{name}"] = Sync("fivetran", name, name, f"s{world.data[source]}", world.now)


@dataclass
class OneRun:
    """A run over a selection of the models, as a generator of moves: whoever drives it may stop between two."""

    world: World
    selected: list[str]

    def plan(self) -> Plan:
        world = self.world
        world.runs += 1
        self.index = index = world.index()
        world.past.append(Counter(world.data))
        self.planned_at = len(world.past) - 1
        tests = [test for test, parents in world.tests.items() if set(parents) <= set(self.selected)]
        order = []
        for model in self.selected:
            order += [model, *(test for test in tests if world.tests[test][-1] == model)]
        states = world.states.read(ENVIRONMENT, index.nodes)
        sources = source_versions(
            index, syncs=world.syncs, observations={}, now=world.now, since=world.now, silent_after=1e12
        )
        decided = decide_all(index, order, states=states, sources=sources, policy=POLICY, now=world.now)
        nodes = tuple(self._planned(one, decided, tests, states) for one in order)
        return Plan(
            run_id=world.runs, step=1, command=Command("build"), bundle="b", environment=ENVIRONMENT,
            nodes=nodes, runners=1, threads=1, reuse=True, versions=decided.versions,
        )  # fmt: skip

    def _planned(self, unique_id: str, decided: Any, tests: list[str], states: Any) -> PlannedNode:
        node = self.index.nodes[unique_id]
        decision = decided.decisions[unique_id]
        waiting = [one for one in tests if unique_id in self.world.tests[one]]
        return PlannedNode(
            unique_id, node.resource_type, node.materialized, (), 1.0, 1.0, decision=decision,
            relation=relation_of(node), fingerprint=decided.fingerprints[unique_id], sees=decided.sees[unique_id],
            tests=tuple(test for test in waiting if not decided.decisions[test].reuses),
            terms=decided.terms[unique_id], built=states[unique_id].version if unique_id in states else "",
        )  # fmt: skip

    def moves(self, plan: Plan) -> Iterator[str]:
        skipped: set[str] = set()
        for node in plan.nodes:
            parents = set(self.index.nodes[node.unique_id].depends_on)
            if node.decision.reuses:
                continue
            if parents & skipped or node.unique_id in skipped:
                skipped.add(node.unique_id)
                continue
            if node.resource_type == "test":
                yield from self._test(plan, node, skipped)
            elif node.relation:
                yield from self._model(plan, node, skipped)

    def _model(self, plan: Plan, node: PlannedNode, skipped: set[str]) -> Iterator[str]:
        world, name = self.world, f"{plan.run_id}#1#1#1#{node.unique_id}"
        found = world.states.hold(ENVIRONMENT, node.unique_id, name)
        while not isinstance(found, Hold):
            yield "waits"
            gone = found.holder if found.holder in _gone(world) else ""
            found = world.states.hold(ENVIRONMENT, node.unique_id, name, instead_of=gone)
        states = world.states.read(ENVIRONMENT, node.sees)
        before = found.before
        if not before.holder and before.version != node.built:
            again = decide_again(plan, node, replace(before, pending=frozenset()), states, world.now)
            if again.reuses:
                world.seen["reused again"] += 1
                self.check(node.unique_id)
                world.states.let_go(ENVIRONMENT, node.unique_id, found.fence)
                return
        seen = versions_now(plan, node, states)
        yield "builds"
        if not all(self._readable(parent) for parent in self.index.nodes[node.unique_id].depends_on):
            world.states.let_go(ENVIRONMENT, node.unique_id, found.fence, error="its parent is not there")
            skipped.add(node.unique_id)
            return
        same = world.content(node.unique_id, self.index) == world.made(
            self.index.nodes[node.unique_id], self.index
        )
        world.seen["needless" if same and world.is_there(node.unique_id) else "needed"] += 1
        world.build(self.index.nodes[node.unique_id], self.index)
        yield "has built"
        if world.random.random() < 0.05:
            world.states.let_go(ENVIRONMENT, node.unique_id, found.fence, error="its post-hook failed")
            skipped.add(node.unique_id)
            return
        version = f"{plan.run_id}.1.{found.fence}"
        state = BuildState(
            node.unique_id, version, node.relation, node.fingerprint, seen, world.now, plan.run_id, "success",
            pending=frozenset(node.tests), fence=found.fence,
        )  # fmt: skip
        world.states.commit(ENVIRONMENT, state)
        yield "has committed"

    def _test(self, plan: Plan, node: PlannedNode, skipped: set[str]) -> Iterator[str]:
        world = self.world
        parents = world.tests[node.unique_id]
        states = world.states.read(ENVIRONMENT, [*node.sees, *parents])
        seen = versions_now(plan, node, states)
        yield "tests"
        if not all(self._readable(parent) for parent in parents):
            return
        passed = world.passes(node.unique_id, self.index)
        yield "has tested"
        for parent in parents:
            if parent in states:
                world.states.test_ended(
                    ENVIRONMENT, parent, states[parent].version, node.unique_id, passed=passed
                )
        state = BuildState(
            node.unique_id, fingerprint=node.fingerprint, seen=seen, built_at=world.now, run_id=plan.run_id,
            status="pass" if passed else "fail",
        )  # fmt: skip
        world.states.record(ENVIRONMENT, state)
        if not passed:
            skipped.update(parents)

    def _readable(self, unique_id: str) -> bool:
        if unique_id in SOURCES:
            return True
        node = self.index.nodes[unique_id]
        if node.materialized == "ephemeral":
            return all(self._readable(parent) for parent in node.depends_on)
        return self.world.is_there(unique_id)

    def check(self, unique_id: str, coming: Collection[str] = ()) -> None:
        """A reused node must be what a build would leave."""
        world, node = self.world, self.index.nodes[unique_id]
        world.seen["reused"] += 1
        if node.resource_type == "test":
            assert world.passes(unique_id, self.index, coming), f"{unique_id} would fail"
        elif node.materialized != "ephemeral":
            there, made = self._compared(node, coming)
            assert there == made or self._was(node), f"{unique_id} is {there}, a build would leave {made}"

    def _compared(self, node: Node, coming: Collection[str]) -> tuple[Any, Any]:
        there = self.world.content(node.unique_id, self.index)
        return there, self.world.made(node, self.index, coming)

    def _was(self, node: Node) -> bool:
        """Whether it was up to date at some moment since this was planned: what came later is for the next run."""
        world = self.world
        before = world.data
        try:
            for data in world.past[self.planned_at :]:
                world.data = data
                there, made = self._compared(node, ())
                if there == made:
                    return True
        finally:
            world.data = before
        return False


def _gone(world: World) -> set[str]:
    return world.__dict__.setdefault("gone", set())


def live(world: World, *, steps: int) -> None:
    """One history: changes, runs, and runs that are overtaken or lost."""
    random = world.random
    for _ in range(steps):
        world.now += random.choice((1.0, 60.0, 3600.0))
        for _ in range(random.randint(0, 2)):
            _change(world)
        runs = [_start(world) for _ in range(1 if random.random() < 0.6 else 2)]
        while runs:
            run, moves = random.choice(runs)
            if random.random() < 0.03:
                _lose(world, run)
                runs.remove((run, moves))
                continue
            if next(moves, None) is None:
                runs.remove((run, moves))
            elif random.random() < 0.05:
                _change(world)


def _start(world: World) -> tuple[OneRun, Iterator[str]]:
    some = world.models if world.random.random() < 0.7 else world.random.sample(
        world.models, max(1, len(world.models) // 2)
    )  # fmt: skip
    run = OneRun(world, sorted(some))
    plan = run.plan()
    run.number = plan.run_id  # type: ignore[attr-defined]
    coming = {node.unique_id for node in plan.nodes if not node.decision.reuses}
    for node in plan.nodes:
        if node.decision.reuses:
            run.check(node.unique_id, coming)
    return run, run.moves(plan)


def _lose(world: World, run: OneRun) -> None:
    number = run.number  # type: ignore[attr-defined]
    _gone(world).update(f"{number}#1#1#1#{model}" for model in world.models)


def _change(world: World) -> None:
    random = world.random
    match random.choice(("sync", "sync", "again", "code", "macro", "quiet")):
        case "sync":
            sync(world, random.choice(list(CONNECTORS)))
        case "again":
            sync(world, random.choice(list(CONNECTORS)), twice=True)
        case "code":
            edit(world, random.choice(world.models))
        case "macro":
            world.macro = 1 - world.macro
        case "quiet":
            world.data[SOURCES[2]] += 1
    world.past.append(Counter(world.data))
