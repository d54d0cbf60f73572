"""The index: what planning needs of a dbt project, about a tenth of its manifest, carried in the bundle.

`domain/manifest` makes it once, at publish; `Index.encode` and `Index.decode` carry it. Everything that
selection, ordering, reuse, alerts and duration history ask for is a field here, so that no run ever opens the manifest.
"""

from hashlib import sha256
from typing import Any

import msgspec

from headgate.domain.code import Code, Macro
from headgate.domain.signature import Signature
from headgate.errors import ManifestError

INDEX_FORMAT = 1
# Members of the manifest's `nodes`; dbt calls them parsed nodes. Everything else has a section of its own.
OTHER_SECTIONS = frozenset(
    {"source", "exposure", "metric", "semantic_model", "saved_query", "unit_test", "function"}
)


class Node(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One enabled resource of the project, whatever its type.

    materialized: dbt's word, or the resource type where dbt has none. depends_on: unique_ids, as written by
    dbt. severity: `error` or `warn` of a test. owner: whom to tell (see `manifest/owners.py`). empty: has no SQL, which
    dbt never builds. config: what `config.<key>:` can match: texts, booleans, lists and mappings of them.
    tested: the node a test is attached to, or a unit test's model. test_name: the generic test's name.
    timeout (seconds), pools: what `meta: {headgate: …}` says. code: what its build depends on, for reuse. signature:
    what `state:` compares. connectors: the names of the connectors that land a source (`meta`).

    It is stored as a list: fields are only ever added at the end, with a default, so that indexes written by the
    version before and after can be read.
    """

    unique_id: str
    name: str
    resource_type: str
    package_name: str
    fqn: tuple[str, ...]
    original_file_path: str
    patch_path: str = ""
    tags: tuple[str, ...] = ()
    group: str | None = None
    access: str | None = None
    materialized: str = ""
    schema: str | None = None
    database: str | None = None
    alias: str | None = None
    relation_name: str | None = None
    depends_on: tuple[str, ...] = ()
    severity: str | None = None
    owner: str = ""
    checksum: str = ""
    version: str | int | float | None = None
    latest_version: str | int | float | None = None
    source_name: str | None = None
    test_name: str | None = None
    tested: str | None = None
    enabled: bool = True
    empty: bool = False
    config: dict[str, Any] = {}
    timeout: float | None = None
    pools: tuple[str, ...] = ()
    code: Code = Code()
    signature: Signature = Signature()
    connectors: tuple[str, ...] = ()

    @property
    def is_parsed(self) -> bool:
        """Whether dbt keeps it among the manifest's `nodes`: models, seeds, snapshots, tests, analyses, operations."""
        return self.resource_type not in OTHER_SECTIONS

    @property
    def is_versioned(self) -> bool:
        return self.resource_type == "model" and self.version is not None


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes of a project by unique_id, in the manifest's order, and where they came from.

    groups: group name -> owner. default_selector: the name of the selector that dbt uses when a command has
    neither --select nor --exclude (selectors.yml, `default: true`). fail_fast: what the flags of dbt_project.yml say,
    which no manifest tells. macros: unique_id -> what reuse and `state:` need of it. selectors: the definitions of
    selectors.yml by name, as the manifest has them. compare_unrendered: the project's flag
    `state_modified_compare_more_unrendered_values`; None: not known. vars: package -> project variable -> digest of its
    value there, and under `target.` that of what dbt calls target. env_vars: environment variable that dbt may have
    read while it parsed -> digest of what it was then, empty if nobody had set it (domain/variables.py); None: unknown.
    """

    dbt_version: str = ""
    schema_version: str = ""
    project_name: str = ""
    adapter_type: str = ""
    nodes: dict[str, Node] = {}
    groups: dict[str, str] = {}
    default_selector: str | None = None
    fail_fast: bool = False
    macros: dict[str, Macro] = {}
    selectors: dict[str, Any] = {}
    compare_unrendered: bool | None = None
    vars: dict[str, dict[str, str]] = {}
    env_vars: dict[str, str] | None = None

    def encode(self) -> bytes:
        """This index as MessagePack, with its format version and a digest of all that follows."""
        body = msgspec.msgpack.encode(self)
        return msgspec.msgpack.encode(
            {"format": INDEX_FORMAT, "digest": sha256(body).hexdigest(), "index": msgspec.Raw(body)}
        )

    @classmethod
    def decode(cls, body: bytes) -> "Index":
        """The inverse of `encode`. Raises ManifestError: damaged, or written by another version of Headgate."""
        try:
            head = msgspec.msgpack.decode(body, type=_Envelope)
            if head.format != INDEX_FORMAT:
                raise ManifestError(
                    f"the bundle's index has format {head.format}, this version reads {INDEX_FORMAT}: publish again"
                )
            # Indexes of earlier versions carry no digest.
            if head.digest and sha256(bytes(head.index)).hexdigest() != head.digest:
                raise ManifestError("the bundle's index is damaged: its digest is another one; publish again")
            return msgspec.msgpack.decode(head.index, type=cls)
        except (msgspec.MsgspecError, RecursionError, MemoryError, UnicodeDecodeError) as fault:
            raise ManifestError(f"the bundle's index cannot be read: {fault}; publish again") from fault


class _Envelope(msgspec.Struct):
    format: int
    index: msgspec.Raw
    digest: str = ""
