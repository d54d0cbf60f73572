"""Versions of upstream data: what a build has seen, and what is there now.

Sources have theirs from connectors and observations, tables from their builds. Views and ephemeral models hold no data:
their version is their code, as it is in the warehouse. An empty version is an unknown one, which equals nothing.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from headgate.domain.build_state import BuildState
from headgate.domain.fingerprint import digest_of
from headgate.domain.slots import Holder

# How a version in `Plan.versions` begins that is code. A view has a build of its own, which must bear it out.
VIEW, INLINE = "view@", "code@"
_SOURCE = "source."


class Upstream(NamedTuple):
    """What is known of one upstream now. fact: for a person. unknown: no row of data is spoken of at all.

    transparent: it holds no data itself.
    """

    version: str
    fact: str
    unknown: bool = False
    transparent: bool = False


def is_sound(state: BuildState | None) -> bool:
    """Whether the relation surely is what its last committed build left."""
    return state is not None and bool(state.version) and not state.holder and state.status in ("", "success")


def upstream_now(
    unique_id: str, planned: str | None, state: BuildState | None, *, by_build: bool, now: float
) -> Upstream:
    """Of one upstream. planned: what `Plan.versions` says of it; state: its own.

    by_build: whether each build of a view counts, for whoever is dropped with it or has to test it.
    """
    name = name_of(unique_id)
    if unique_id.startswith(_SOURCE):
        fact = f"source {name} has new data" if planned else f"nothing is known of the data in source {name}"
        return Upstream(planned or "", fact, unknown=not planned)
    if planned is None:
        return _stored(name, state, now)
    if planned.startswith(VIEW):
        if not is_sound(state) or state is None or VIEW + digest_of(state.fingerprint) != planned:
            return Upstream("", f"view {name} is not known to be as its code says", transparent=True)
        version = f"{planned}@{state.version}" if by_build else planned
        return Upstream(version, f"view {name} is another one now", transparent=True)
    if planned:
        return Upstream(planned, f"{name} changed", transparent=True)
    return Upstream("", f"nothing is known of the data in {name}")


def _stored(name: str, state: BuildState | None, now: float) -> Upstream:
    if state is None or not state.version:
        return Upstream("", f"{name} was never built here")
    if not is_sound(state):
        return Upstream("", f"{name}: {unsound_fact(state)}")
    return Upstream(
        state.version, f"{name} was built at {clock_time(state.built_at, now)}, run {state.run_id}"
    )


def unsound_fact(state: BuildState) -> str:
    """Why a relation may not be what its last committed build left."""
    if state.holder:
        holder = Holder.parse(state.holder)
        return f"run {holder.run_id} began to build it and has not ended" if holder else "it is being built"
    said = state.message.strip().partition("\n")[0][:200]
    return f"its last build ended with {state.status}" + (f": {said}" if said else "")


def name_of(unique_id: str) -> str:
    """`orders` of `model.shop.orders`; of a versioned model with its version, of a source with its source's name."""
    kind, _, rest = unique_id.partition(".")
    name = rest.partition(".")[2] or rest
    if kind == "test":
        # test.<package>.<name>.<hash>
        return name.rpartition(".")[0] or name
    return name


def clock_time(at: float, now: float) -> str:
    """`06:02 UTC`, with its day if that is another one."""
    moment, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    day = "" if moment.date() == today.date() else f"{moment.date().isoformat()} "
    return f"{day}{moment:%H:%M} UTC"
