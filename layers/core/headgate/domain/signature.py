"""What `state:` compares of a node, as digests: two indexes tell what was modified without their manifests."""

import msgspec


class Signature(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one node. Digests of eight bytes; an empty one says that there is nothing of the kind.

    body: the code, or a seed's file. configs: the config as the project's files say it, of a test only what
    changes its outcome. relation: database, schema and alias (identifier) as they are written; rendered: a source's
    with their values. description, columns: the node's and its columns' descriptions; persists: those of the two that
    dbt writes into the warehouse. contract: of an enforced one. rest: whatever else makes this resource type modified;
    never empty, so that an index of a version that signed nothing is known by it. macros: those that it calls directly
    according to dbt; None: exactly `Code.macros`.

    Stored as a list: fields are only ever added at the end, with a default.
    """

    body: bytes = b""
    configs: bytes = b""
    relation: bytes = b""
    rendered: bytes = b""
    description: bytes = b""
    columns: bytes = b""
    persists: tuple[str, ...] = ()
    contract: bytes = b""
    rest: bytes = b""
    macros: tuple[str, ...] | None = None
