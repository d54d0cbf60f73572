"""cancel and retry: what they do, what they wait for, what they show, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headgate.domain.index import Index, Node
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, RunStatus
from headgate.usecases.run_nodes import QueueSession

NO_VARS = "44136fa355b3678a"


@pytest.fixture(autouse=True)
def _ana(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def building(played: Any) -> None:
    played.move(RunStatus.STARTING)
    played.world.runs.record_execution(1, played.world.machine.start(played.run))
    played.plan()
    played.move(RunStatus.RUNNING)


def ended(
    played: Any,
    status: RunStatus = RunStatus.CANCELLED,
    error: str = "cancelled by ana: 5 nodes never started",
) -> Iterator[None]:
    yield
    yield
    played.move(status, error=error if status is not RunStatus.SUCCESS else None)
    yield


def test_a_run_that_waits_is_cancelled_at_once(headgate: Any, play: Any, world: Any) -> None:
    play()
    result = headgate("cancel", "1", "--reason", "wrong  day")
    assert result.exit_code == 0
    assert lines(result.stdout) == [
        "⊘ cancelled run 1 of finance cancelled by ana (wrong day): nothing had begun"
    ]
    assert lines(result.stderr)[-1] == "Next: headgate runs view 1 · headgate retry 1"
    assert world.runs.get_run(1).status is RunStatus.CANCELLED


def test_cancel_waits_until_the_run_is_over(headgate: Any, play: Any, clock: Any, world: Any) -> None:
    played = play()
    building(played)
    clock.script = ended(played)
    result = headgate("cancel", "latest")
    assert result.exit_code == 0
    assert "run 1 is asked to stop; waiting for its runners to leave" in result.stderr
    assert "cancelled by ana: 5 nodes never started" in result.stdout
    assert list(world.machine.stopped.values()) == ["cancelled by ana"]


def test_cancel_as_an_object(headgate: Any, play: Any) -> None:
    play()
    found = json.loads(headgate("cancel", "1", "--json").stdout)
    assert (found["run"]["status"], found["run"]["cancel"]) == ("cancelled", "by ana")


def test_a_run_that_was_faster_is_no_cancelled_run(headgate: Any, play: Any, clock: Any) -> None:
    played = play()
    building(played)
    clock.script = ended(played, RunStatus.SUCCESS)
    result = headgate("cancel", "1")
    assert result.exit_code == 1
    assert "run 1 was over before it could be stopped" in result.stderr


def test_cancel_waits_no_longer_than_asked(headgate: Any, play: Any, clock: Any) -> None:
    building(play())
    clock.script = iter(lambda: None, 0)
    result = headgate("cancel", "1", "--timeout", "3")
    assert result.exit_code == 6
    assert "run 1 is still running after 3 s; it goes on stopping" in result.stderr


def test_ctrl_c_stops_the_waiting_and_not_the_cancel(
    headgate: Any, play: Any, clock: Any, world: Any
) -> None:
    building(play())

    def script() -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    clock.script = script()
    assert headgate("cancel", "1").exit_code == 130
    assert world.runs.get_run(1).cancel == "by ana"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("cancel", "1"), 1, "run 1 is over: it ended as success"),
        (("cancel", "9"), 5, "run 9 does not exist"),
        (("cancel", "nine"), 2, "'nine' is not a run"),
        (("retry", "1"), 1, "run 1 succeeded: there is nothing to repeat"),
        (("retry", "1", "--dry-run"), 1, "run 1 succeeded: there is nothing to repeat"),
        (("retry", "9"), 5, "run 9 does not exist"),
    ],
)
def test_what_cannot_be_is_refused(
    headgate: Any, play: Any, arguments: tuple[str, ...], code: int, message: str
) -> None:
    played = play()
    building(played)
    played.move(RunStatus.SUCCESS)
    result = headgate(*arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert result.stdout == ""


@pytest.fixture
def failed(play: Any, broken: Any, world: Any) -> Any:
    """Run 1, in which fct_orders failed; its bundle is there."""
    played = play()
    for _ in played.whole(broken):
        pass
    plan = world.plans.get_plan(1, 1)
    nodes = {
        node.unique_id: Node(
            unique_id=node.unique_id,
            name=node.unique_id.split(".")[2],
            resource_type=node.resource_type,
            package_name="shop",
            fqn=("shop", node.unique_id.split(".")[2]),
            original_file_path="f.sql",
            materialized=node.materialized,
            depends_on=node.parents,
            tags=("finance",),
        )
        for node in plan.nodes
    }
    index = Index(dbt_version="1.11.16", project_name="shop", nodes=nodes)
    world.bundles._files[played.run.bundle, f"{NO_VARS}/index.msgpack"] = index.encode()
    return played


def test_a_retry_is_linked_to_the_run_that_it_repeats(
    headgate: Any, failed: Any, world: Any, asked: Callable[..., Any]
) -> None:
    result = headgate("retry", "1", "--no-watch")
    assert (result.exit_code, lines(result.stdout)) == (0, ["✓ run 2 of finance is queued"])
    run = world.runs.get_run(2)
    assert (run.retry_of, run.cause.kind, run.cause.detail) == (1, "retry", "of run 1, by ana")
    assert asked("runs", "view", "2")["run"]["retry_of"] == 1
    assert any("retry: of run 1, by ana" in line for line in lines(headgate("runs", "list").stdout))
    assert asked("retry", "1", "--from-start", "--no-watch")["run"]["from_start"] is True


def test_a_retry_is_watched(headgate: Any, failed: Any, world: Any, clock: Any, playing: Any) -> None:
    def script() -> Iterator[None]:
        yield from playing(world.runs.list_runs(1)[0]).whole()

    clock.script = script()
    result = headgate("retry", "1")
    assert result.exit_code == 0
    assert lines(result.stdout)[0].startswith("run 2 · finance")


def test_a_dry_run_shows_what_would_be_built_and_starts_nothing(
    headgate: Any, failed: Any, world: Any, asked: Callable[..., Any]
) -> None:
    result = headgate("retry", "1", "--dry-run")
    assert result.exit_code == 0
    shown = lines(result.stdout)
    assert "step 1 dbt build --select tag:finance+: 3 nodes on 1 runner" in shown
    assert [line.split()[:2] for line in shown[-3:]] == [
        ["fct_orders", "model"],
        ["fct_revenue", "model"],
        ["unique_fct_revenue_day", "test"],
    ]
    assert lines(result.stderr)[-1] == "Next: headgate retry 1"
    found = asked("retry", "1", "--dry-run")
    assert (found["retry_of"], found["first_step"], len(found["steps"][0]["nodes"])) == (1, 1, 3)
    assert len(world.runs.list_runs()) == 1


def test_the_view_says_what_a_queued_run_waits_for(headgate: Any, play: Any, world: Any) -> None:
    building(play())
    headgate("run", "finance", "--no-watch")
    assert "waits for run 1 (one run of finance at a time)" in lines(headgate("runs", "view", "2").stdout)
    assert not any("waits for" in line for line in lines(headgate("runs", "view", "1").stdout))
    assert "run 2: waits for run 1 (one run of finance at a time)" in lines(headgate("runs", "list").stdout)


def test_the_view_says_what_was_asked_for_otherwise_and_whose_run_came_instead(
    headgate: Any, world: Any
) -> None:
    job = world.jobs.job("finance")
    wish = Overrides(schema="dev_ana", threads=2)
    world.runs.create_run(job, "d", Cause("api", "k"), overrides=wish)
    assert "otherwise than its job says: schema dev_ana, 2 threads" in lines(
        headgate("runs", "view", "1").stdout
    )
    world.runs.create_run(job, "d", Cause("s3", "other"), on_conflict="cancel_running")
    ended = headgate("runs", "view", "1")
    assert "superseded by run 2" in lines(ended.stdout)
    assert lines(ended.stderr)[-1] == "Next: headgate runs view 2"
    assert not any("otherwise" in line for line in lines(headgate("runs", "view", "2").stdout))


def test_the_queue_is_told_as_json(headgate: Any, play: Any, asked: Any) -> None:
    building(play())
    headgate("run", "finance", "--no-watch")
    waiting, going = asked("runs", "list")["runs"]
    wait = {"position": 1, "reason": "one run of finance at a time", "waits_for": 1, "seconds": None}
    assert waiting["queue"] == asked("runs", "view", "2")["run"]["queue"] == wait
    assert (waiting["on_conflict"], waiting["priority"], waiting["also"]) == ("queue_all", 0, [])
    assert (waiting["superseded_by"], "queue" in going) == (None, False)


def test_the_view_of_a_retry_says_which_steps_are_not_repeated(headgate: Any, play: Any, world: Any) -> None:
    played = play("nightly")
    played.move(RunStatus.STARTING)
    played.move(RunStatus.ERROR)
    world.runs.create_run(
        world.jobs.job("nightly"), "d", played.run.cause.__class__("retry", "k"), retry_of=1, first_step=2
    )
    shown = lines(headgate("runs", "view", "2").stdout)
    assert shown.count("not repeated: it had succeeded before run 1 failed") == 1


def test_the_view_says_how_often_a_node_was_taken(headgate: Any, play: Any, world: Any) -> None:
    played = play()
    played.move(RunStatus.STARTING)
    session = QueueSession(world.queue, world.clock, played.plan(), 1)
    session.begin()
    session.finish(session.next().unique_id, None)  # type: ignore[union-attr]
    session.next()
    assert "attempt" not in headgate("runs", "view", "1").stdout
    session.hand_back()
    session.next()
    [row] = [line for line in lines(headgate("runs", "view", "1").stdout) if "stg_payments" in line]
    assert row.endswith("attempt 2")
