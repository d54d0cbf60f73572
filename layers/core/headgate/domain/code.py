"""What a node's build depends on besides data, as digests, and what makes a build's outcome depend on more than that.

Two builds with the same parts and the same data leave the same relation. The rule for what belongs to the fingerprint
and what does not: docs/reuse.md.
"""

import msgspec


class Code(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one node. Digests are short texts; an empty one says that there is nothing of the kind.

    text: raw code without comments and white space; a seed's file. config: what of the config changes the relation,
    hooks and grants included. relation: database, schema, alias. vars: the values of the project variables that the
    code reads. macros: unique_ids of the macros it calls directly. volatile: why the same code on the same data may
    leave something else (`current_date`), or nothing. hidden: what it reads without `ref` or `source`, or nothing.
    star: whether it is a view whose columns are whatever its upstream has. build_after: seconds between two builds
    (`freshness.build_after`); updates_on: `any` or `all`. lag: seconds that data may be late (`state.lag_tolerance`).
    batch: what an aggregated query needs of a generic test that may be batched.

    It is stored as a list: fields are only ever added at the end, with a default.
    """

    text: str = ""
    config: str = ""
    relation: str = ""
    vars: str = ""
    macros: tuple[str, ...] = ()
    volatile: str = ""
    hidden: str = ""
    star: bool = False
    build_after: float | None = None
    updates_on: str = "any"
    lag: float | None = None
    batch: dict[str, object] | None = None


class Macro(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one macro that some node reaches. checksum: of its text. Stored as a list, as Code is."""

    checksum: str = ""
    macros: tuple[str, ...] = ()
    path: str = ""
    volatile: str = ""
    hidden: str = ""
    vars: str = ""
