"""On which terms a node may be reused: what the decision table asks of its code, so that a runner needs no index."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """One node's.

    always: why it is built each time (volatile SQL, Python, a snapshot), unless nothing. hidden: what it reads without
    `ref` or `source`. reads: for each direct parent what a change of its data is seen by: the parent, and if it is
    transparent everything that lies behind it. unknown: upstreams whose data may have changed for all that this node
    may believe. window: seconds that must lie between two builds; updates_on: whether `any` or `all` of the direct
    parents must have new data. respect_window: whether a change of code waits for the window as well. view: whether
    it is dropped along with what it reads; star: whether it does not show by itself all that is new: its
    columns are whatever its upstream has, or its rows are those of its last refresh.
    """

    always: str = ""
    hidden: str = ""
    reads: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[str, ...] = ()
    window: float | None = None
    updates_on: str = "any"
    respect_window: bool = False
    view: bool = False
    star: bool = False
