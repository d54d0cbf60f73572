"""Fingerprints: what a build depends on besides data, part by part, so that a change can be named.

Parts: text, config, relation (its own and those that it reads), dbt (minor version), `var:<name>`, `env:<name>` of each
environment variable, `macro:<id>` of each macro of the project and its packages that it reaches, `code:<id>` of each
ephemeral model that becomes part of its query, about (its properties, where one of these macros asks for them), options
(whatever else of the command changes what is built).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from headgate.domain.index import Index, Node
from headgate.domain.macro_reach import MacroReach
from headgate.domain.variables import COMPUTED

Fingerprint = Mapping[str, str]

_MACRO, _VAR, _ENV, _CODE = "macro:", "var:", "env:", "code:"
# Among the names of variables: what dbt calls target.
TARGET = "target."


def fingerprints(index: Index, ids: Iterable[str], options: str = "") -> dict[str, dict[str, str]]:
    """unique_id -> part -> digest, of nodes of any kind."""
    maker = Fingerprints(index, options)
    return {unique_id: maker.of(unique_id) for unique_id in ids}


def digest_of(fingerprint: Fingerprint) -> str:
    """One text for all parts."""
    return short_digest(repr(sorted(fingerprint.items())))


def short_digest(text: str) -> str:
    """Sixteen characters: one in 10^19 that two texts of one node are taken for the same."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


class Fingerprints:
    """Makes those of one project."""

    def __init__(
        self, index: Index, options: str = "", of_tests: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        """of_tests: options that change how a test ends, and nothing else. env: variable -> digest of its value."""
        self._env = env or {}
        self._index, self.reach = index, MacroReach(index)
        self._of_tests = f"{options} {of_tests}".strip()
        self._fixed = {"dbt": ".".join(index.dbt_version.split(".")[:2])} | (
            {"options": options} if options else {}
        )
        self._known: dict[str, dict[str, str]] = {}

    def of(self, unique_id: str) -> dict[str, str]:
        """What this node's build is remembered by."""
        if unique_id not in self._known:
            self._known[unique_id] = self._make(self._index.nodes[unique_id])
        return self._known[unique_id]

    def _make(self, node: Node) -> dict[str, str]:
        code = node.code
        parts = {"text": code.text, "config": code.config, "relation": self._relations(node), **self._fixed}
        if not code.text and node.checksum:
            parts["text"] = node.checksum
        macros = self.reach.of(node)
        if node.resource_type == "test":
            parts["options"] = self._of_tests
        values = self._index.vars.get(node.package_name, {})
        for name in self._variables(node, macros, values):
            parts[_VAR + name] = values.get(name, "")
        for name in self._environment(node, macros):
            parts[_ENV + name] = self._env.get(name, "")
        for macro in macros:
            if self._index.macros[macro].asks:
                parts["about"] = code.about
            parts[_MACRO + macro] = self._index.macros[macro].text or self._index.macros[macro].checksum
        for parent in self._ephemeral(node):
            parts[_CODE + parent] = digest_of(self.of(parent))
        return {name: value for name, value in parts.items() if value or name.startswith(_VAR)}

    def _relations(self, node: Node) -> str:
        own = (
            ()
            if node.resource_type == "test"
            else (node.database, node.schema, node.alias, node.relation_name)
        )
        nodes = self._index.nodes
        read = [
            (nodes[parent].relation_name, nodes[parent].config.get("event_time"))
            for parent in node.depends_on
            if parent in nodes
        ]
        return short_digest(repr((own, read)))

    def _variables(self, node: Node, macros: Iterable[str], values: Mapping[str, str]) -> list[str]:
        names = set(node.code.vars).union(*(self._index.macros[macro].vars for macro in macros))
        if "*" in names:
            names = (names - {"*"}) | set(values)
        return sorted(names)

    def _environment(self, node: Node, macros: Iterable[str]) -> list[str]:
        names = set(node.code.env).union(*(self._index.macros[macro].env for macro in macros))
        return sorted(self._env if COMPUTED in names else names)

    def _ephemeral(self, node: Node) -> list[str]:
        nodes = self._index.nodes
        return [up for up in node.depends_on if up in nodes and nodes[up].materialized == "ephemeral"]


def what_changed(old: Fingerprint, new: Fingerprint, index: Index | None = None, unique_id: str = "") -> str:
    """For a person: the first thing that is another one, with a macro's path; empty: nothing is.

    index: for the path of a macro and the way that leads to it.
    """
    changed = sorted((part for part in {*old, *new} if old.get(part) != new.get(part)), key=_rank)
    if not changed:
        return ""
    part = changed[0]
    if part.startswith(_MACRO):
        return _macro_fact(part.removeprefix(_MACRO), old.get(part), new.get(part), index, unique_id)
    if part.startswith(_VAR):
        name = part.removeprefix(_VAR)
        return "the target has changed" if name == TARGET else f"var {name} changed"
    if part.startswith(_ENV):
        return f"the environment variable {part.removeprefix(_ENV)} changed"
    if part.startswith(_CODE):
        return f"the ephemeral model {_name(part)} changed"
    if part == "config":
        return _config_fact(old.get(part, ""), new.get(part, ""))
    if part == "dbt":
        return f"dbt {new.get(part)} builds it now, {old.get(part) or 'another one'} did before"
    return _FACTS.get(part, f"{part} changed")


_FACTS = {
    "text": "its code changed",
    "relation": "its relation, or one that it reads, has another name now",
    "about": "its properties (meta, tags, description or columns) changed, and one of its macros reads them",
    "options": "it was built with other options of the command",
}
_ORDER = ("text", "config", "relation", "about", "options", _MACRO, _VAR, _ENV, _CODE, "dbt")


def _rank(part: str) -> tuple[int, str]:
    kind = part.partition(":")[0]
    return next((at for at, name in enumerate(_ORDER) if name.rstrip(":") == kind), len(_ORDER)), part


def _name(part: str) -> str:
    return part.rpartition(".")[2]


def _macro_fact(macro: str, old: str | None, new: str | None, index: Index | None, unique_id: str) -> str:
    known = index.macros.get(macro) if index else None
    path = f" ({known.path})" if known and known.path else ""
    if new is None:
        return f"macro {_name(macro)} is no longer used"
    how = "is used now" if old is None else "changed"
    way = (
        MacroReach(index).way_to(index.nodes[unique_id], macro) if index and unique_id in index.nodes else ()
    )
    through = f", through {', '.join(map(_name, way))}" if way else ""
    return f"macro {_name(macro)} {how}{path}{through}"


def _config_fact(old: str, new: str) -> str:
    before, after = (dict(line.partition("=")[::2] for line in text.splitlines()) for text in (old, new))
    key = next((key for key in sorted({*before, *after}) if before.get(key) != after.get(key)), "")
    if not key:
        return "its config changed"
    was, now = before.get(key, "nothing"), after.get(key, "nothing")
    if was.startswith("#") or now.startswith("#"):
        return f"config {key} changed"
    return f"config {key} changed from {was} to {now}"
