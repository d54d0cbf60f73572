"""From what arrives to a run, through gates: match_triggers, open_gates, and deaths in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import ConnectorSynced, RunFinished, ScheduleFired, SignalReceived
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Environment, Job, JobsFile
from headgate.domain.overrides import Overrides
from headgate.domain.queue import NodeRecord, NodeState
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.schedule import Schedule
from headgate.errors import UnavailableError
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.open_gates import open_gates
from headgate.usecases.replay_event import replay_event
from headgate.usecases.start_job import start_job

NAMES = ("stripe", "salesforce", "hubspot")
THREE = Gate("fivetran", tuple(Awaited("fivetran", name) for name in NAMES), needed=3)


def job(name: str, *gates: Gate, **fields: Any) -> Job:
    return Job(name, "production", fields.pop("run", ("dbt build",)), gates=gates, **fields)


def a_world(*jobs: Job) -> MemoryWorld:
    made = MemoryWorld()
    apply(made, *jobs)
    made.jobs.point_at("production", "d" * 64)
    return made


def apply(world: MemoryWorld, *jobs: Job) -> None:
    world.jobs.apply(JobsFile((Environment("production", "prod", "analytics"),), jobs, ()))


def synced(connector: str, number: int = 1) -> ConnectorSynced:
    return ConnectorSynced(
        event_id=f"{connector}/{number}",
        provider="fivetran",
        origin="default",
        connector_id=connector,
        sync_id=str(number),
    )


def signal(event_id: str, kind: str, *names: str, **attributes: str) -> SignalReceived:
    return SignalReceived(event_id=event_id, kind=kind, origin="o", names=names, attributes=attributes)


def deliver(world: MemoryWorld, *events: ConnectorSynced | SignalReceived) -> list[Run]:
    runs: list[Run] = []
    for event in events:
        world.events.record(event.event_id, {})
        runs += match_triggers(event, world)
    return runs


def notes(world: MemoryWorld, event_id: str) -> dict[str, str]:
    return {note["job"]: note["text"] for note in world.events.get(event_id)["notes"]}


def keys(run: Run) -> set[str]:
    return {cause.key for cause in run.also}


def test_the_third_of_three_starts_one_run_that_answers_to_all() -> None:
    world = a_world(job("finance", THREE))
    assert deliver(world, synced("stripe"), synced("stripe", 2), synced("hubspot")) == []
    assert notes(world, "stripe/1") == {"finance": "waits: 1 of 3, missing salesforce, hubspot"}
    assert notes(world, "hubspot/1") == {"finance": "waits: 2 of 3, missing salesforce"}
    [run] = deliver(world, synced("salesforce"))
    assert run.cause == Cause(
        "gate", "gate/fivetran/1", "3 of 3: stripe, salesforce, hubspot", ("hubspot", "salesforce", "stripe")
    )
    assert keys(run) == {"stripe/1", "stripe/2", "hubspot/1", "salesforce/1"}
    for event in keys(run):
        assert notes(world, event) == {
            "finance": "started run 1: gate fivetran, 3 of 3: stripe, salesforce, hubspot"
        }
    assert world.gates.open_states() == []
    # Told again, each of them changes nothing; what comes next is for the next time.
    assert deliver(world, *(synced(name) for name in NAMES)) == []
    assert deliver(world, synced("stripe", 3), synced("hubspot", 3)) == []
    assert [run.cause.key for run in deliver(world, synced("salesforce", 3))] == ["gate/fivetran/2"]
    assert len(world.runs.list_runs()) == 2


def test_every_order_of_six_events_ends_the_same() -> None:
    """F3, at a gate that a seventh thing would open: what is remembered, and what is known of the sources."""
    gate = replace(THREE, awaits=(*THREE.awaits, Awaited("fivetran", "late")), needed=4)
    events = [synced(name, number) for name in NAMES for number in (1, 2)]
    ends = set()
    for order in permutations(events):
        world = a_world(job("finance", gate), job("each", replace(THREE, needed=1), on_conflict="queue_all"))
        deliver(world, *order, order[0])
        syncs = frozenset((sync.connector, sync.at) for sync in world.freshness.syncs().values())
        [state] = world.gates.open_states()
        ends.add((replace(state, version=0), syncs, frozenset(run.cause for run in world.runs.list_runs(50))))
    assert len(ends) == 1


def test_a_gate_joins_kinds_and_a_job_without_commands_builds_everything_then() -> None:
    gate = Gate(
        "gate",
        (
            Awaited("fivetran", "stripe"),
            Awaited("airbyte", "hubspot"),
            Awaited("s3", "landing", {"key": ("erp/*/_SUCCESS",)}),
            Awaited("job", "core", {"status": ("success",)}),
        ),
        needed=4,
    )
    world = a_world(job("fed", gate, run=()), job("core"))
    deliver(world, signal("s3/1", "s3", "landing", key="erp/7/_SUCCESS"), synced("stripe"))
    assert "fed" not in {run.job for run in end_of(world, "core")}
    assert notes(world, "run/1")["fed"] == "waits: 3 of 4, missing hubspot"
    hubspot = synced("hubspot").model_copy(update={"provider": "airbyte"})
    [run] = deliver(world, hubspot)
    assert keys(run) == {"s3/1", "stripe/1", "run/1", "hubspot/1"}
    assert run.steps == ("dbt build --select connector:stripe+ connector:hubspot+",)


def test_only_what_arrived_is_built_where_connectors_alone_are_awaited() -> None:
    world = a_world(job("fed", replace(THREE, needed=2), run=()))
    [run] = deliver(world, synced("stripe"), synced("hubspot"))
    assert run.steps == ("dbt build --select connector:hubspot+ connector:stripe+",)


def test_what_is_asked_for_must_fit() -> None:
    wants = Gate("github", (Awaited("github", "org/shop", {"event": ("push",), "branch": ("main",)}),))
    world = a_world(job("finance", wants))
    assert deliver(world, signal("1", "github", "org/shop", event="push", branch="feature")) == []
    assert notes(world, "1") == {"": "nothing waits for it"}
    assert world.events.get("1")["outcome"] == "unmapped"
    [run] = deliver(world, signal("2", "github", "org/shop", event="push", branch="main"))
    assert (run.cause.kind, run.cause.key, notes(world, "2")) == ("github", "2", {"finance": "started run 1"})


def test_of_a_job_that_is_off_nothing_starts_and_the_event_says_so() -> None:
    world = a_world(
        job("by_file", THREE, paused=True),
        job("by_hand", replace(THREE, needed=1)),
        job("failing", THREE, schedules=(Schedule("0 6 * * *"),)),
    )
    world.activities.pause("by_hand", "by ana: migration")
    for _ in range(100):
        world.activities.count("failing", failed=True)
    assert world.activities.deactivate("failing", 100, "2026-01-01T00:00:00.000+00:00")
    assert deliver(world, *(synced(name) for name in NAMES)) == []
    assert notes(world, "stripe/1") == {
        "by_file": "starts nothing: paused in its jobs file",
        "by_hand": "starts nothing: paused by ana: migration",
        "failing": "starts nothing: deactivated at 2026-01-01T00:00:00.000+00:00 after 100 failed runs in a row",
    }
    assert match_triggers(ScheduleFired(job="failing", scheduled_time="2026-01-01T06:00:00Z"), world) == []
    assert "deactivated" in notes(world, "schedule/failing/2026-01-01T06:00:00Z")["failing"]
    # Told again once it is on, the same event starts it.
    world.activities.resume("by_hand")
    assert [run.job for run in deliver(world, synced("stripe"))] == ["by_hand"]


def test_a_run_that_is_skipped_is_said_to_be() -> None:
    world = a_world(job("finance", replace(THREE, needed=1), on_conflict="skip"))
    deliver(world, synced("stripe"), synced("hubspot"))
    assert notes(world, "hubspot/1")["finance"].startswith("run 2 skipped: run 1 was in progress")


# Schedules


def test_a_schedule_starts_what_it_is_due_for_and_says_what_it_did() -> None:
    world = a_world(job("nightly", schedules=(Schedule("0 6 * * *", "Europe/Berlin"),)))
    for text in ("2026-01-31T05:00:00Z", "2026-01-31T05:00:00+00:00", "2026-01-31T06:00:00+01:00"):
        [run] = match_triggers(ScheduleFired(job="nightly", scheduled_time=text), world)
        assert (run.run_id, run.cause.key) == (1, "2026-01-31T05:00:00Z")
    event = world.events.get("schedule/nightly/2026-01-31T05:00:00Z")
    assert (event["outcome"], notes(world, event["event_id"])) == ("published", {"nightly": "started run 1"})
    assert event["detail"]["event"]["detail-type"] == "ScheduleFired"


def test_a_time_of_a_schedule_that_was_changed_starts_nothing() -> None:
    world = a_world(job("nightly", schedules=(Schedule("0 7 * * *"),)))
    for name in ("nightly", "gone"):
        assert match_triggers(ScheduleFired(job=name, scheduled_time="2026-01-31T05:00:00Z"), world) == []
    assert notes(world, "schedule/nightly/2026-01-31T05:00:00Z") == {
        "nightly": "not a time of its schedule any more"
    }
    assert notes(world, "schedule/gone/2026-01-31T05:00:00Z") == {"gone": "there is no such job any more"}


# After other jobs


def end_of(world: MemoryWorld, name: str, status: RunStatus = RunStatus.SUCCESS, **changes: Any) -> list[Run]:
    cause = Cause("cli", f"{name}/{len(world.runs.list_runs(100))}")
    run = start_job(world.jobs.job(name), cause, jobs=world.jobs, runs=world.runs, bus=world.bus)
    if status is RunStatus.SUCCESS:
        world.runs.move(run.run_id, RunStatus.STARTING)
    assert world.runs.move(run.run_id, status, **changes)
    return tell_end(world, run.run_id)


def tell_end(world: MemoryWorld, run_id: int) -> list[Run]:
    run = world.runs.get_run(run_id)
    event = RunFinished(run_id=run_id, job=run.job, environment=run.environment, status=run.status.value)
    return match_triggers(event, world)


def behind(*jobs: str, on: tuple[str, ...] = ("success",), needed: int = 1) -> Gate:
    return Gate("after", tuple(Awaited("job", name, {"status": on}) for name in jobs), needed=needed)


def test_a_job_starts_after_another_one_once_for_each_of_its_runs() -> None:
    world = a_world(job("core"), job("finance", behind("core")), job("told", behind("core", on=("error",))))
    [run] = end_of(world, "core")
    assert run.job == "finance"
    assert run.cause == Cause("job", "run/1", "job core ended as success (run 1)")
    assert tell_end(world, 1) == [run]
    assert [run.job for run in end_of(world, "core", RunStatus.ERROR)] == ["told"]
    assert notes(world, "run/1") == {"finance": "started run 2"}
    assert world.events.get("run/1")["detail"]["detail"] == "job core ended as success (run 1)"


def test_after_several_jobs() -> None:
    world = a_world(job("a"), job("b"), job("both", behind("a", "b", needed=2)))
    assert end_of(world, "a") == []
    assert tell_end(world, 1) == [], "the same end is not two"
    assert end_of(world, "a") == []
    assert end_of(world, "b", RunStatus.ERROR) == []
    [run] = end_of(world, "b")
    assert keys(run) == {"run/1", "run/2", "run/4"}


def test_a_run_that_another_took_the_place_of_is_no_end() -> None:
    cause = [Cause("fivetran", str(number), "", ("stripe",)) for number in range(2)]
    world = a_world(
        job("core"),
        job("skipping", on_conflict="skip"),
        job("x", behind("core", "skipping", on=("cancelled",))),
    )
    for name in ("core", "skipping"):
        for one in cause:
            start_job(world.jobs.job(name), one, jobs=world.jobs, runs=world.runs, bus=world.bus)
    over = [run for run in world.runs.list_runs() if run.status is RunStatus.CANCELLED]
    assert {run.job for run in over} == {"core", "skipping"}
    for run in over:
        assert tell_end(world, run.run_id) == []
    assert [run.job for run in end_of(world, "core", RunStatus.CANCELLED)] == ["x"]


def test_the_end_of_a_run_that_nobody_waits_for_costs_one_request() -> None:
    world = a_world(job("core"), job("finance", behind("other")))
    start_job(world.jobs.job("core"), Cause("cli", "1"), jobs=world.jobs, runs=world.runs, bus=world.bus)
    mortal = Mortal(world)
    event = RunFinished(run_id=1, job="core", environment="production", status="success")
    assert match_triggers(event, mortal) == []  # type: ignore[arg-type]
    assert mortal.calls == ["jobs.jobs"]


def test_after_a_run_in_another_schema_nothing_starts() -> None:
    world = a_world(job("core"), job("finance", behind("core"), Gate("m", (Awaited("model", "core/dim"),))))
    world.queue.nodes = lambda *_: [built("model.core.dim", 0, "success")]  # type: ignore[method-assign]
    aside = start_job(
        world.jobs.job("core"),
        Cause("api", "1"),
        jobs=world.jobs,
        runs=world.runs,
        bus=world.bus,
        overrides=Overrides(schema="dev_alice"),
    )
    world.runs.move(aside.run_id, RunStatus.STARTING)
    world.runs.move(aside.run_id, RunStatus.SUCCESS)
    assert tell_end(world, aside.run_id) == []
    assert {run.job for run in end_of(world, "core")} == {"finance"}


def built(unique_id: str, position: int, status: str) -> NodeRecord:
    result = NodeResult.from_entry({"unique_id": unique_id, "status": status}, 1)
    kind = unique_id.partition(".")[0]
    return NodeRecord(unique_id, position, kind, "table", NodeState.DONE, 1.0, 1.0, result=result)


def test_after_a_model_of_a_job_that_failed_elsewhere() -> None:
    waits = Gate("after", (Awaited("model", "core/dim_customers"),))
    world = a_world(job("core"), job("finance", waits), job("other", behind("core")))
    world.queue.nodes = lambda run_id, _: [  # type: ignore[method-assign]
        built("model.core.dim_customers", 0, "success" if run_id == 2 else "skipped"),
        built("test.core.dim_customers", 1, "fail"),
        built("model.core.broken", 2, "error"),
    ]
    assert end_of(world, "core", RunStatus.ERROR) == []
    [run] = end_of(world, "core", RunStatus.ERROR)
    assert (run.job, run.cause.detail) == ("finance", "job core ended as error (run 2)")


def test_models_are_read_only_where_somebody_waits_for_one() -> None:
    world = a_world(
        job("core"), job("other", behind("core")), job("m", Gate("after", (Awaited("model", "x/y"),)))
    )
    world.queue.nodes = None  # type: ignore[method-assign, assignment]
    assert len(end_of(world, "core")) == 1


def test_an_event_that_was_never_handed_on_stays_so_until_a_replay_of_it_is() -> None:
    world = a_world(job("finance", replace(THREE, needed=1)))
    event = synced("stripe")
    said = {"event": {"detail-type": event.detail_type(), "detail": event.model_dump(mode="json")}}
    world.events.record(event.event_id, said)
    ports = {"events": world.events, "clock": world.clock}
    with pytest.raises(UnavailableError):
        replay_event(world.events.get("stripe/1"), bus=DeafBus(), **ports)  # type: ignore[arg-type]
    assert world.events.record(event.event_id, said), "when its sender sends again, it is handed on"
    assert replay_event(world.events.get("stripe/1"), bus=world.bus, **ports) == "stripe/1"  # type: ignore[arg-type]
    assert world.bus.published == [event]
    assert world.events.get("stripe/1")["outcome"] == "published"
    assert not world.events.record(event.event_id, said)
    replay_event(world.events.get("stripe/1"), bus=world.bus, **ports)  # type: ignore[arg-type]
    assert world.events.get("stripe/1")["outcome"] == "replayed"


class DeafBus:
    def publish(self, *_: object) -> None:
        raise UnavailableError("no answer")


# The minute's look


def test_quiet_opens_a_gate() -> None:
    world = a_world(job("finance", replace(THREE, needed=1, debounce=300.0)))
    assert deliver(world, synced("stripe")) == []
    assert notes(world, "stripe/1") == {"finance": "opens at 00:05 after 5 min of quiet"}
    world.clock.advance(290)
    assert deliver(world, synced("stripe", 2)) == []
    assert open_gates(world) == []
    world.clock.advance(300)
    [run] = open_gates(world)
    assert keys(run) == {"stripe/1", "stripe/2"}
    assert notes(world, "stripe/2") == {"finance": "started run 1: gate fivetran, 1 of 3: stripe"}
    assert open_gates(world) == []


def test_a_deadline_opens_a_gate_once_a_day() -> None:
    world = a_world(job("finance", replace(THREE, else_at="07:00")))
    deliver(world, synced("stripe"))
    runs = []
    for _ in range(3 * 24 * 60):
        runs += open_gates(world)
        world.clock.advance(60)
    assert [run.cause.detail for run in runs] == [
        "1 of 3 at 07:00: stripe; late: salesforce, hubspot",
        "0 of 3 at 07:00; late: stripe, salesforce, hubspot",
        "0 of 3 at 07:00; late: stripe, salesforce, hubspot",
    ]
    assert [run.created_at[8:16] for run in runs] == ["01T07:00", "02T07:00", "03T07:00"]


def test_a_job_that_is_off_opens_no_gate_and_a_deadline_is_passed_over() -> None:
    world = a_world(job("finance", replace(THREE, debounce=60.0, else_at="07:00")))
    deliver(world, *(synced(name) for name in NAMES))
    open_gates(world)
    world.activities.pause("finance", "by ana")
    world.clock.advance(3600)
    assert open_gates(world) == []
    world.activities.resume("finance")
    [run] = open_gates(world)
    assert len(run.also) == 3
    world.activities.pause("finance", "by ana")
    world.clock.advance(31 * 3600)
    assert open_gates(world) == []
    world.activities.resume("finance")
    assert open_gates(world) == []
    world.clock.advance(24 * 3600)
    assert [run.cause.detail for run in open_gates(world)] == [
        "0 of 3 at 07:00; late: stripe, salesforce, hubspot"
    ]


def test_a_gate_without_a_clock_costs_a_look_nothing_but_the_listing() -> None:
    world = a_world(job("finance", THREE))
    deliver(world, synced("stripe"))
    mortal = Mortal(world)
    assert open_gates(mortal) == []  # type: ignore[arg-type]
    assert mortal.calls == ["gates.open_states", "jobs.jobs"]


def test_what_waits_moves_with_a_gate_that_is_renamed() -> None:
    world = a_world(job("finance", THREE))
    deliver(
        world, synced("stripe"), synced("hubspot"), synced("salesforce").model_copy(update={"provider": "x"})
    )
    joined = Gate("gate", (*THREE.awaits[:2], Awaited("github", "org/shop")), needed=2)
    apply(world, job("finance", joined))
    assert open_gates(world) == []
    assert notes(world, "hubspot/1") == {"finance": "the job does not wait for it any more"}
    assert [(state.gate, len(state.arrivals)) for state in world.gates.open_states()] == [("gate", 1)]
    [run] = deliver(world, synced("salesforce"))
    assert (run.cause.key, keys(run)) == ("gate/gate/1", {"stripe/1", "salesforce/1"})


def test_what_waits_moves_back_with_a_change_that_is_taken_back() -> None:
    world = a_world(job("finance", THREE))
    deliver(world, synced("stripe"), synced("hubspot"))
    for gate in (replace(THREE, name="gate"), THREE, replace(THREE, name="gate"), THREE):
        apply(world, job("finance", gate))
        assert open_gates(world) == []
    assert deliver(world, synced("stripe")) == [], "it is known wherever it went"
    [run] = deliver(world, synced("salesforce"))
    assert keys(run) == {"stripe/1", "hubspot/1", "salesforce/1"}


@pytest.mark.parametrize("before", [(), (job("finance", THREE),)])
def test_a_job_that_is_applied_while_somebody_looks_loses_nothing(before: tuple[Job, ...]) -> None:
    world = a_world(*before)
    jobs = world.jobs.jobs

    def applied_meanwhile() -> list[Job]:
        world.jobs.jobs = jobs  # type: ignore[method-assign]
        found = jobs()
        apply(world, job("finance", replace(THREE, name="gate")))
        deliver(world, synced("stripe"))
        return found

    world.jobs.jobs = applied_meanwhile  # type: ignore[method-assign]
    open_gates(world)
    assert open_gates(world) == []
    [run] = deliver(world, synced("hubspot"), synced("salesforce"))
    assert keys(run) == {f"{name}/1" for name in NAMES}


def test_what_waits_at_a_gate_that_lets_everything_through_now_starts() -> None:
    world = a_world(job("finance", THREE))
    deliver(world, synced("stripe"), synced("hubspot"))
    apply(world, job("finance", replace(THREE, needed=1)))
    [run] = open_gates(world)
    assert keys(run) == {"stripe/1", "hubspot/1"}
    apply(world, job("finance", THREE))
    deliver(world, synced("stripe", 2))
    apply(world, job("finance", Gate("fivetran", (Awaited("fivetran", "other"),))))
    assert open_gates(world) == []
    assert world.gates.open_states() == []


def test_what_waits_for_a_job_that_is_gone_is_let_go_and_its_number_is_never_used_again() -> None:
    world = a_world(job("finance", replace(THREE, needed=2)))
    deliver(world, synced("stripe"), synced("hubspot"))
    deliver(world, synced("stripe", 2))
    apply(world)
    assert open_gates(world) == []
    assert notes(world, "stripe/2") == {"finance": "the job does not wait for it any more"}
    assert world.gates.open_states() == []
    apply(world, job("finance", replace(THREE, needed=2)))
    [run] = deliver(world, synced("stripe", 3), synced("hubspot", 3))
    assert run.cause.key == "gate/fivetran/2"


def test_one_bad_gate_does_not_hold_up_the_others() -> None:
    quiet = replace(THREE, needed=1, debounce=60.0)
    world = a_world(job("a", quiet), job("b", quiet))
    deliver(world, synced("stripe"))
    world.clock.advance(60)
    state = world.gates.state

    def refuse_the_first(name: str, gate: str) -> Any:
        if name == "a":
            raise UnavailableError("no answer")
        return state(name, gate)

    world.gates.state = refuse_the_first  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        open_gates(world)
    assert [run.job for run in world.runs.list_runs()] == ["b"]


# Deaths


class KilledError(Exception):
    """The process is gone: nothing of it catches this."""


class Mortal:
    """A world whose process dies before or after its n-th request."""

    def __init__(self, world: MemoryWorld, at: int = 0, *, after: bool = False) -> None:
        self._world, self._at, self._after = world, at, after
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return (
            getattr(self._world, name) if name == "clock" else _Port(self, name, getattr(self._world, name))
        )

    def call(self, what: str, method: Any, *arguments: Any, **keywords: Any) -> Any:
        self.calls.append(what)
        dies = len(self.calls) == self._at
        if dies and not self._after:
            raise KilledError
        answer = method(*arguments, **keywords)
        if dies:
            raise KilledError
        return answer


class _Port:
    def __init__(self, world: Mortal, name: str, port: Any) -> None:
        self._mortal, self._name, self._port = world, name, port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *arguments, **keywords: self._mortal.call(
            f"{self._name}.{name}", method, *arguments, **keywords
        )


def deaths() -> Iterator[tuple[int, bool]]:
    for at in range(1, 60):
        yield at, False
        yield at, True


def test_whoever_dies_while_three_arrive_loses_nothing_and_starts_nothing_twice() -> None:
    """F7: killed at every request of each delivery, then told again; or not, and the minute's look finishes it."""
    killed = set()
    for (at, after), told_again in ((death, again) for death in deaths() for again in (True, False)):
        world = a_world(job("finance", THREE))
        for number, name in enumerate(NAMES):
            world.events.record(synced(name).event_id, {})
            mortal = Mortal(world, at, after=after)
            try:
                match_triggers(synced(name), mortal)  # type: ignore[arg-type]
            except KilledError:
                killed.add((number, mortal.calls[-1], after))
                # Without a second delivery only what was recorded can count.
                if told_again or "gates.arrive" not in mortal.calls[: len(mortal.calls) - (not after)]:
                    match_triggers(synced(name), world)
        open_gates(world)
        [run] = world.runs.list_runs()
        assert keys(run) == {f"{name}/1" for name in NAMES}
        assert world.gates.open_states() == []
        assert {notes(world, f"{name}/1")["finance"][:13] for name in NAMES} == {"started run 1"}
        assert any(event.detail_type() == "RunQueued" for event in world.bus.published)
        for name in NAMES:
            match_triggers(synced(name), world)
        open_gates(world)
        assert len(world.runs.list_runs()) == 1
    assert {what for _, what, _ in killed} == {
        "jobs.jobs", "jobs.bundle_of", "activities.activity", "freshness.record_sync", "gates.state",
        "gates.arrive", "gates.replace", "runs.create_run", "bus.publish", "events.note",
    }  # fmt: skip


@pytest.mark.parametrize("clocked", [{"debounce": 60.0}, {"else_at": "00:01", "needed": 3}])
def test_whoever_dies_while_looking_is_made_good_by_the_next_look(clocked: dict[str, Any]) -> None:
    killed = set()
    for at, after in deaths():
        world = a_world(job("finance", replace(THREE, **{"needed": 1, **clocked})))
        open_gates(world)
        deliver(world, synced("stripe"), synced("hubspot"))
        world.clock.advance(70)
        mortal = Mortal(world, at, after=after)
        try:
            open_gates(mortal)  # type: ignore[arg-type]
        except KilledError:
            killed.add((mortal.calls[-1], after))
        deliver(world, synced("stripe"))
        open_gates(world)
        [run] = world.runs.list_runs()
        assert keys(run) == {"stripe/1", "hubspot/1"}
        assert all(not state.arrivals and state.opening is None for state in world.gates.open_states())
        world.clock.advance(70)
        assert open_gates(world) == []
    assert ("gates.replace", True) in killed
    assert ("runs.create_run", False) in killed


def test_whoever_dies_while_moving_what_waits_is_made_good() -> None:
    for at, after in deaths():
        world = a_world(job("finance", THREE))
        deliver(world, synced("stripe"), synced("hubspot"))
        apply(world, job("finance", replace(THREE, name="gate", needed=2)))
        with suppress(KilledError):
            open_gates(Mortal(world, at, after=after))  # type: ignore[arg-type]
        open_gates(world)
        [run] = world.runs.list_runs()
        assert (run.cause.key, keys(run)) == ("gate/gate/1", {"stripe/1", "hubspot/1"})
        assert world.gates.open_states() == []
