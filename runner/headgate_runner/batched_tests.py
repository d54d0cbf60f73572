"""Several generic tests of one node by one query (`reuse.batch_tests`), each with the result that it has alone.

One scan counts for not_null and accepted_values, a query of its own within the same statement for each unique. Then
every test takes dbt's own way, from its start line to its result, but for the query. A test whose code is not what dbt
itself makes of such a test (a macro of the project's stands in for dbt's) is run alone, and so are all of them when
their common query fails: then each says for itself what is wrong.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import local
from time import monotonic
from typing import TYPE_CHECKING, Any

from dbt.adapters.factory import get_adapter
from dbt.clients.jinja import GENERIC_TEST_KWARGS_NAME, add_rendered_test_kwargs, get_rendered
from dbt.context.providers import generate_runtime_model_context
from dbt.flags import get_flags
from dbt.task.test import TestResultData

if TYPE_CHECKING:
    from headgate_runner.node_turns import NodeTurns
    from headgate_runner.shared_verbs import SharedVerb

# What dbt's own `get_test_sql` makes of a test with default configuration.
_COUNTED = (
    "select count(*) as failures, count(*) != 0 as should_warn, count(*) != 0 as should_error "
    "from (tested) dbt_internal_test"
)
_DEFAULT = {"fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0"}


@dataclass(frozen=True, slots=True)
class Answers:
    """failures: unique_id -> the number that the test's own query would have found. seconds: each test's share.

    fault: why there is none, for any of the tests.
    """

    failures: Mapping[str, int]
    response: Mapping[str, Any]
    seconds: float
    fault: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One test of the query. counted: what counts its failures in a scan of the model; empty: `code` is counted."""

    unique_id: str
    model: str
    counted: str
    code: str


class BatchedTests:
    """Asks for a batch, and answers for its tests; both in the thread that has the batch's turn."""

    def __init__(self, engine: "SharedVerb") -> None:
        self._engine = engine
        self._here = local()

    @contextmanager
    def asked(self, tests: Sequence[Any], turns: "NodeTurns") -> Iterator[None]:
        """Within it, the runners of these tests know their numbers."""
        self._here.answers = self._ask(tests, turns)
        try:
            yield
        finally:
            self._here.answers = None

    def equip(self, runner: Any) -> None:
        """Let dbt's runner of a test take its number from the batch. Every other runner stays as it is."""
        answers: Answers | None = getattr(self._here, "answers", None)
        if answers is None or runner.node.unique_id not in answers.failures:
            return
        runner.execute_data_test = partial(_answer, answers)
        runner.from_run_result = partial(_later, runner.from_run_result, answers.seconds)

    def _ask(self, tests: Sequence[Any], turns: "NodeTurns") -> Answers | None:
        """None: each is to be run alone."""
        engine, leader = self._engine, tests[0]
        adapter, began = get_adapter(engine.config), monotonic()
        try:
            with adapter.connection_named(leader.unique_id, leader):
                turns.prepare(adapter, leader)
                parts = self._parts(tests, adapter)
                if len(parts) < 2:
                    return None
                response, table = adapter.execute(statement(parts), fetch=True)
                failures = {
                    part.unique_id: int(found) for part, found in zip(parts, table.rows[0], strict=True)
                }
        except Exception as fault:  # noqa: BLE001 - whatever it is, each test says it for itself
            # Whoever cancelled it wants no other query to begin.
            engine.job_queue.leave_if_given_up(leader.unique_id)
            if turns.is_late(leader.unique_id):
                return Answers(dict.fromkeys((test.unique_id for test in tests), 0), {}, 0.0, fault)
            text = f"{len(tests)} tests had one query, which failed; each is run alone: {fault}"
            engine.share.log.write("debug", text, leader.unique_id)
            return None
        noted = {**response.to_dict(omit_none=True), "batched": len(failures)}
        return Answers(failures, noted, (monotonic() - began) / len(failures))

    def _parts(self, tests: Sequence[Any], adapter: Any) -> list[_Part]:
        if get_flags().STORE_FAILURES:
            return []
        found = [part for test in tests if (part := self._part(test, adapter)) is not None]
        return [part for part in found if part.model == found[0].model]

    def _part(self, test: Any, adapter: Any) -> _Part | None:
        """None: this one is to be run alone, whatever the reason; there dbt says it."""
        engine = self._engine
        try:
            context = generate_runtime_model_context(test, engine.config, engine.manifest)
            add_rendered_test_kwargs(context, test)
            code = str(get_rendered(test.raw_code, context, test))
            if test.extra_ctes or not self._is_plain(test, context, adapter):
                return None
            arguments = context[GENERIC_TEST_KWARGS_NAME]
            return part_of(test.unique_id, test.test_metadata.name, arguments, code)
        except Exception:  # noqa: BLE001
            return None

    def _is_plain(self, test: Any, context: Mapping[str, Any], adapter: Any) -> bool:
        """Whether dbt's own macros run the test, and count every row of its query."""
        project, manifest = self._engine.config.project_name, self._engine.manifest
        macro = manifest.find_materialization_macro_by_name(
            project, test.get_materialization(), adapter.type()
        )
        counting = context["get_test_sql"]("tested", *_DEFAULT.values(), limit=None)
        config = {name: test.config.get(name) for name in _DEFAULT}
        return (
            macro is not None
            and macro.package_name == "dbt"
            and plain(counting) == plain(_COUNTED)
            and config == _DEFAULT
        )


def _answer(answers: Answers, test: Any, _manifest: Any) -> TestResultData:
    """In place of the test runner's `execute_data_test`."""
    if answers.fault is not None:
        raise answers.fault
    failures = answers.failures[test.unique_id]
    return TestResultData(
        failures=failures,
        should_warn=failures != 0,
        should_error=failures != 0,
        adapter_response=dict(answers.response),
    )


def _later(
    build: Callable[..., Any], seconds: float, result: Any, start_time: float, timing_info: Any
) -> Any:
    """In place of the runner's `from_run_result`: as if the test had begun its share of the common query earlier."""
    return build(result, start_time - seconds, timing_info)


def part_of(unique_id: str, kind: str, arguments: Mapping[str, Any], code: str) -> _Part | None:
    """A test as part of a query; None if its code is not the one that dbt's own macro makes of these arguments.

    arguments: rendered, as the macro gets them. code: what dbt compiled.
    """
    model, column = str(arguments["model"]), str(arguments["column_name"])
    if kind == "unique":
        # Counted as dbt counts it: there is nothing to know of the code.
        return _Part(unique_id, model, "", code)
    if kind == "not_null":
        expected = f"select {column} from {model} where {column} is null"  # noqa: S608
        counted = f"count(case when {column} is null then 1 end)"
    else:
        values = _values(arguments["values"], bool(arguments.get("quote", True)))
        expected = (
            f"with all_values as (select {column} as value_field, count(*) as n_records from {model} "  # noqa: S608
            f"group by {column}) select * from all_values where value_field not in ({values})"
        )
        counted = f"count(distinct case when ({column}) not in ({values}) then ({column}) end)"
    return _Part(unique_id, model, counted, code) if plain(code) == plain(expected) else None


def _values(values: Sequence[Any], quote: bool) -> str:
    return ",".join(f"'{value}'" if quote else str(value) for value in values)


def statement(parts: Sequence[_Part]) -> str:
    """One row with the number of each part, in their order."""
    scanned = ", ".join(
        f"{part.counted} as failures_{number}" for number, part in enumerate(parts) if part.counted
    )
    tables = [f"(select {scanned} from {parts[0].model}) scanned"] if scanned else []  # noqa: S608
    tables += [
        f"(select count(*) as failures_{number} from (\n{part.code}\n) dbt_internal_test) counted_{number}"  # noqa: S608
        for number, part in enumerate(parts)
        if not part.counted
    ]
    columns = ", ".join(f"failures_{number}" for number in range(len(parts)))
    return f"select {columns} from\n" + "\ncross join ".join(tables)


def plain(code: str) -> str:
    """SQL without the white space that says nothing, to compare what two templates made."""
    return re.sub(r"\s*([(),])\s*", r"\1", re.sub(r"\s+", " ", code)).strip()
