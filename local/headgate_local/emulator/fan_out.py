"""Inline Map and Parallel fail fast, and Parallel understands JSONata.

ministack waits for every iteration before it reports a failure (for ever, if one of them never ends), gives
all branches of a Parallel the same context object, and knows no Arguments, Output or Assign on a Parallel.
On AWS the first failure ends the state and aborts the other iterations. Distributed Maps stay as they are.
"""

import contextvars
import copy
import threading
from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions as states

from headgate_local.emulator import execution_scope
from headgate_local.emulator.anchors import anchor
from headgate_local.emulator.execution_scope import LOOK_EVERY_SECONDS, Cancelled, Scope

USED = (
    "_state_query_language", "_apply_jsonata_arguments", "_apply_jsonata_output", "_apply_state_assign",
    "_apply_jsonata_template", "_jsonata_state_field", "_apply_input_path", "_apply_parameters",
    "_apply_output_path", "_apply_result_path", "_apply_result_selector", "_resolve_path_or_ctx",
    "_resolve_params_obj", "_run_sub_machine", "_next_or_end",
)  # fmt: skip


@dataclass(frozen=True)
class Branch:
    """One Map iteration or Parallel branch: states, where they start, their input and their own context."""

    states: dict[str, Any]
    start_at: str
    input: Any
    ctx: dict[str, Any]


def install() -> None:
    for name in USED:
        anchor(states, name)
    anchor(states, "_run_parallel_branches", "state_def", "raw_input", "execution", "ctx")
    run_map = anchor(states, "_run_map_items", "state_def", "raw_input", "execution", "ctx")

    def run_parallel(state: dict[str, Any], raw: Any, execution: dict[str, Any], ctx: dict[str, Any]) -> Any:
        results = run_all(_parallel_branches(state, raw, ctx), execution, limit=0)
        return _finish(state, raw, ctx, results)

    def run_inline_map(
        state: dict[str, Any], raw: Any, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> Any:
        processor = state.get("ItemProcessor") or state.get("Iterator") or {}
        if (processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED":
            return run_map(state, raw, execution, ctx)
        results = run_all(
            _map_iterations(state, processor, raw, ctx), execution, limit=_concurrency(state, raw, ctx)
        )
        return _finish(state, raw, ctx, results)

    states._run_parallel_branches = run_parallel
    states._run_map_items = run_inline_map


def _is_jsonata(state: dict[str, Any], ctx: dict[str, Any]) -> bool:
    return bool(states._state_query_language(state, ctx) == "JSONata")


def _parallel_branches(state: dict[str, Any], raw: Any, ctx: dict[str, Any]) -> list[Branch]:
    if _is_jsonata(state, ctx):
        given = states._apply_jsonata_arguments(state, raw, ctx)
    else:
        given = states._apply_parameters(state, states._apply_input_path(state, raw, ctx), ctx)
    return [
        Branch(branch["States"], branch["StartAt"], given, copy.deepcopy(ctx)) for branch in state["Branches"]
    ]


def _map_iterations(
    state: dict[str, Any], processor: dict[str, Any], raw: Any, ctx: dict[str, Any]
) -> list[Branch]:
    is_jsonata = _is_jsonata(state, ctx)
    effective = states._apply_input_path(state, raw, ctx)
    if is_jsonata:
        items = states._jsonata_state_field(state, "Items", "array", raw, ctx) if "Items" in state else raw
    else:
        items = states._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
    selector = state.get("ItemSelector") or state.get("Parameters")
    branches = []
    for index, item in enumerate(items if isinstance(items, list) else [items]):
        own = copy.deepcopy(ctx)
        own["Map"] = {"Item": {"Index": index, "Value": item}}
        given = item
        if selector and is_jsonata:
            given = states._apply_jsonata_template(selector, raw, own)
        elif selector:
            given = states._resolve_params_obj(selector, effective, own)
        branches.append(Branch(processor["States"], processor["StartAt"], given, own))
    return branches


def _concurrency(state: dict[str, Any], raw: Any, ctx: dict[str, Any]) -> int:
    limit = state.get("MaxConcurrency", 0)
    if isinstance(limit, str):
        limit = states._jsonata_state_field(state, "MaxConcurrency", "number", raw, ctx)
    return int(limit)


def _finish(state: dict[str, Any], raw: Any, ctx: dict[str, Any], results: list[Any]) -> Any:
    if _is_jsonata(state, ctx):
        output = states._apply_jsonata_output(state, raw, ctx, result=results, default=results)
        states._apply_state_assign(state, raw, ctx, result=results)
    else:
        selected = states._apply_result_selector(state, results)
        output = states._apply_output_path(state, states._apply_result_path(state, raw, selected), ctx)
    return output, states._next_or_end(state)


def run_all(branches: list[Branch], execution: dict[str, Any], *, limit: int) -> list[Any]:
    """Run the branches in threads, at most ``limit`` at a time (0: all), and return their outputs in order.

    Raises the first failure as soon as it happens; the other branches find their scope closed.
    """
    scope = Scope(execution, parent=execution_scope.current.get())
    results: list[Any] = [None] * len(branches)
    failures: list[BaseException] = []
    waiting = iter(list(enumerate(branches)))
    finished = threading.Condition()
    done = 0

    def work() -> None:
        nonlocal done
        execution_scope.current.set(scope)
        while not scope.is_cancelled:
            with finished:
                index, branch = next(waiting, (-1, None))
            if branch is None:
                return
            try:
                results[index] = _run(branch, execution)
            except Cancelled:
                return
            except BaseException as failure:  # noqa: BLE001 - handed to the waiting thread
                failures.append(failure)
            with finished:
                done += 1
                finished.notify_all()

    for number in range(min(limit or len(branches), len(branches))):
        context = contextvars.copy_context()  # it names the account and region
        threading.Thread(target=context.run, args=(work,), daemon=True, name=f"branch-{number}").start()
    try:
        with finished:
            while not failures and done < len(branches):
                finished.wait(LOOK_EVERY_SECONDS)
                execution_scope.check()
    finally:
        scope.is_closed = True
    if failures:
        raise failures[0]
    return results


def _run(branch: Branch, execution: dict[str, Any]) -> Any:
    try:
        return states._run_sub_machine(branch.states, branch.start_at, branch.input, execution, branch.ctx)
    except states._ExecutionError:
        raise
    except Exception as failure:
        raise states._ExecutionError("States.Runtime", repr(failure)) from failure
