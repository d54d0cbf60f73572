"""Records in the words of the file: `when.fivetran.connectors` → `salesforce, stripe`.

What people wrote, key by key, so that a difference can be told without knowing our records. What is left out of a file
is left out here, unless it has a value all the same (a default), so that a change to or from a default has two sides.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import AlertRule, Environment, Job, ReusePolicy
from headgate.domain.receiver import Receiver
from headgate.domain.schedule import Schedule
from headgate.domain.time_span import span_of

Words = dict[str, str]
# Kind of what is awaited -> the keys that hold it below `when:`.
_KEYS = {
    "fivetran": ("fivetran", "connectors"),
    "airbyte": ("airbyte", "connections"),
    "s3": ("s3", "bucket"),
    "github": ("github", "repository"),
    "gitlab": ("gitlab", "repository"),
    "dbt_cloud": ("dbt_cloud", "jobs"),
    "webhook": ("webhook", "from"),
    "job": ("after", "jobs"),
    "model": ("after", "models"),
}
# What an attribute of a signal is called in the file.
_WHERE = {"key": "keys", "event": "events", "branch": "branches", "status": "on"}
# The words of `auth` for fields of a receiver.
_OF_HMAC = ("algorithm", "encoding", "prefix", "timestamp_header", "signed")


def job_words(job: Job) -> Words:
    """A job's keys below `jobs.<name>`."""
    found: dict[str, Any] = {
        "environment": job.environment,
        "owner": job.owner,
        "description": job.description,
        "run": " · ".join(job.run),
        **_gates(job.gates),
        "when.schedule": " · ".join(schedule_text(schedule) for schedule in job.schedules),
        "on_conflict": job.on_conflict,
        "max_parallel_runs": job.max_parallel_runs,
        "priority": job.priority,
        "deactivate_after": job.deactivate_after,
        "paused": job.paused,
        **_each("variables", job.variables),
        **_each("secrets", job.secrets),
        **{f"vars.{one.name}": " ".join((one.type, *_choices(one.choices))) for one in job.vars},
        "retries.max": job.retries.max,
        "retries.on": job.retries.on,
        "retries.non_idempotent": job.retries.non_idempotent,
        "retries.scope": job.retries.scope,
        "node_timeout": job.node_timeout and span_of(job.node_timeout),
        **_reuse(job.reuse),
    }
    if job.deadline:
        found |= {"deadline.finish_by": job.deadline.finish_by, "deadline.timezone": job.deadline.timezone}
    return _texts(found)


def environment_words(environment: Environment) -> Words:
    """An environment's keys below `environments.<name>`; what the whole file says of variables is marked so."""
    size = environment.runners
    found: dict[str, Any] = {
        "target": environment.target,
        "schema": environment.schema,
        "threads": environment.threads,
        "runners.max": size.max,
        "runners.cpu": size.cpu,
        "runners.memory": size.memory,
        "runners.spot": size.spot,
        "concurrency": environment.concurrency,
        "max_parallel_runs": environment.max_parallel_runs,
        **_each("pools", environment.pools),
        **_each("variables", environment.variables),
        **_each("secrets", environment.secrets),
        **_each("the file's variables", environment.project_variables),
        **_each("the file's secrets", environment.project_secrets),
    }
    for known in environment.error_classes:
        place = f"error_classes.{known.name}"
        found |= {
            f"{place}.match": known.patterns,
            f"{place}.retry": known.retry,
            f"{place}.backoff": span_of(known.first_seconds),
            f"{place}.longest": span_of(known.longest_seconds),
            f"{place}.counts": known.counts,
            f"{place}.fewer_threads": known.fewer_threads,
            f"{place}.larger_runner": known.larger_runner,
            f"{place}.group": known.group,
        }
    return _texts(found)


def receiver_words(receiver: Receiver) -> Words:
    """A receiver's keys below `receivers.<name>`."""
    found: dict[str, Any] = {"auth": receiver.auth}
    if receiver.auth == "header":
        found["auth.header"] = receiver.header
    if receiver.auth == "hmac":
        found["auth.hmac.header"] = receiver.header
        found |= {f"auth.hmac.{key}": getattr(receiver, key) for key in _OF_HMAC}
        found["auth.hmac.tolerance"] = span_of(receiver.tolerance) if receiver.timestamp_header else ""
    found |= {key: getattr(receiver, key) for key in ("id", "subject", "status", "success")}
    return _texts(found)


def alert_text(rule: AlertRule) -> str:
    """`tag finance, severity error → slack #finance-data`."""
    match = ", ".join(f"{key} {value}" for key, value in sorted(rule.match.items())) or "everything"
    return f"{match} → {', '.join(f'{kind} {address}' for kind, address in rule.send)}"


def schedule_text(schedule: Schedule) -> str:
    """`0 6 * * 1-5 Europe/Berlin`, `every 2h wall_clock`, `at 08:00, 17:30 on mon, fri Europe/Berlin`."""
    if schedule.cron:
        said = [schedule.cron]
    elif schedule.every:
        said = [f"every {span_of(schedule.every)}"]
        said += [schedule.aligned] if schedule.aligned != "elapsed" else []
    else:
        said = [f"at {', '.join(schedule.at)}"]
    said += [f"on {', '.join(day.lower() for day in schedule.days)}"] if schedule.days else []
    # Elapsed time has no clock, so a zone beside it would say nothing.
    said += [schedule.timezone] if not schedule.every or schedule.aligned != "elapsed" else []
    said += [f"dst {schedule.dst}"] if schedule.dst != "next_valid" else []
    said += [f"catch_up {schedule.catch_up}"] if schedule.catch_up != "latest" else []
    return " ".join(said)


def _gates(gates: Iterable[Gate]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for gate in gates:
        for one in gate.awaits:
            _add_awaited(found, one)
        place = f"when.{gate.name}"
        found[f"{place}.wait_for"] = _wait_for(gate)
        if gate.within is not None:
            found[f"{place}.within"] = span_of(gate.within)
        if gate.debounce:
            found[f"{place}.debounce"] = span_of(gate.debounce)
        if gate.else_at:
            found[f"{place}.else_at"] = f"{gate.else_at} {gate.timezone}"
    return found


def _add_awaited(found: dict[str, Any], one: Awaited) -> None:
    kind, key = _KEYS[one.kind]
    _add(found, f"when.{kind}.{key}", (one.name,))
    for attribute, patterns in one.where.items():
        _add(found, f"when.{kind}.{_WHERE.get(attribute, attribute)}", patterns)


def _add(found: dict[str, Any], place: str, values: Iterable[str]) -> None:
    found[place] = tuple(dict.fromkeys((*found.get(place, ()), *values)))


def _wait_for(gate: Gate) -> str:
    if gate.needed <= 1:
        return "any"
    return "all" if gate.needed == len(gate.awaits) else str(gate.needed)


def _reuse(policy: ReusePolicy) -> dict[str, Any]:
    return {
        "reuse.unchanged": policy.unchanged,
        "reuse.batch_tests": policy.batch_tests,
        "reuse.code_change": "respect_window" if policy.respect_window else "build",
        "reuse.volatile": "ignore" if policy.ignore_volatile else "build",
        "reuse.look_every": span_of(policy.look_every),
        "reuse.silent_after": span_of(policy.silent_after),
    }


def _choices(choices: tuple[str, ...]) -> list[str]:
    return [f"of {', '.join(choices)}"] if choices else []


def _each(place: str, values: Mapping[str, object]) -> dict[str, Any]:
    return {f"{place}.{name}": value for name, value in sorted(values.items())}


def _texts(found: Mapping[str, Any]) -> Words:
    return {place: text for place, value in found.items() if (text := _text(value))}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
