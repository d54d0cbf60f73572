"""What a node's build depends on besides data, as digests, and what makes a build's outcome depend on more than that.

Two builds with the same parts and the same data leave the same relation. The rule for what belongs to the fingerprint
and what does not: docs/reuse.md.
"""

import msgspec


class Code(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one node. Digests are short texts; an empty one says that there is nothing of the kind.

    text: raw code without comments and white space; a generic test's arguments; a seed's file. config: what of the
    config changes the relation, hooks and grants included, as `key=value` lines (long values as digests), so that a
    change can be named. relation: unused, the index knows it. vars: names of the project variables that the code reads;
    `*`: any; `target.`: what dbt calls target. macros: unique_ids of the macros it may call directly. volatile: why the
    same code on the same data may leave something else (`current_date`), or nothing. hidden: what it reads without
    `ref` or `source`, or nothing. star: whether it is a view whose columns are whatever its upstream has. build_after:
    seconds between two builds (`freshness.build_after`); updates_on: `any` or `all`. lag: seconds that data may be late
    (`state.lag_tolerance`). batch: what an aggregated query needs of a generic test that may be batched. steady:
    what `meta: {headgate: {volatile: …}}` says, `ignore` or `build`. silent_after: seconds that the connector of a
    source may say nothing, as its `meta` has it. about: its meta, tags, description and columns, where any macro of the
    project asks for such things. env: names of the environment variables that it reads; `*`: some that it computes.

    It is stored as a list: fields are only ever added at the end, with a default.
    """

    text: str = ""
    config: str = ""
    relation: str = ""
    vars: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    volatile: str = ""
    hidden: str = ""
    star: bool = False
    build_after: float | None = None
    updates_on: str = "any"
    lag: float | None = None
    batch: dict[str, object] | None = None
    steady: bool | None = None
    silent_after: float | None = None
    about: str = ""
    env: tuple[str, ...] = ()


class Macro(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one macro. checksum: of its text. Stored as a list, as Code is.

    macros: what it calls directly. volatile, hidden, vars: as of a node's own code; nothing of dbt's own packages.
    everywhere: whether it stands in for a macro of dbt's own, which then any node may reach. text: digest of its
    text without comments and white space. called: what it calls according to dbt, for `state:`; None: exactly `macros`.
    star: whether it writes `*`, or columns that it looks up. asks: whether it reads what Code has as `about`.
    env: as of a node's own code.
    """

    checksum: str = ""
    macros: tuple[str, ...] = ()
    path: str = ""
    volatile: str = ""
    hidden: str = ""
    vars: tuple[str, ...] = ()
    everywhere: bool = False
    text: str = ""
    called: tuple[str, ...] | None = None
    star: bool = False
    asks: bool = False
    env: tuple[str, ...] = ()
