"""`headgate select`: what a selection selects, from a manifest alone; equal to `dbt ls`."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from headgate_cli.output import escaped, note, print_json

if TYPE_CHECKING:
    from headgate.domain.index import Index
    from headgate.domain.selection.earlier import Earlier

_Words = list[str]
_MANY = ("--select", "-s", "--exclude", "--resource-type", "--exclude-resource-type")


class Indirect(StrEnum):
    """dbt's modes of selecting tests, as typer offers them."""

    eager = "eager"
    cautious = "cautious"
    buildable = "buildable"
    empty = "empty"


class ManyWords(TyperCommand):
    """Several words may follow one option, as in `dbt ls --select a b`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


def spread(words: Sequence[str]) -> list[str]:
    """`--select a b` as `--select a --select b`."""
    found: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            option = word if word in _MANY else ""
            found.append(word)
        elif option and found[-1] != option:
            found += [option, word]
        else:
            found.append(word)
    return found


def select(
    manifest: Annotated[Path, typer.Option(help="manifest.json of dbt 1.6 or later (v10 to v12).")] = Path(
        "target/manifest.json"
    ),
    selected: Annotated[
        _Words | None, typer.Option("--select", "-s", help="What to select, in dbt's words; one or more.")
    ] = None,
    exclude: Annotated[_Words | None, typer.Option(help="What to leave out.")] = None,
    selector: Annotated[str, typer.Option(help="A selector of selectors.yml.")] = "",
    selectors_file: Annotated[
        Path | None, typer.Option(help="selectors.yml to use instead of what the manifest has of it.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier run's artifacts, for state:, result: and others."),
    ] = None,
    indirect_selection: Annotated[
        Indirect, typer.Option(help="Which tests come along with what is selected.")
    ] = Indirect.eager,
    resource_type: Annotated[_Words | None, typer.Option(help="List these types only.")] = None,
    exclude_resource_type: Annotated[_Words | None, typer.Option(help="Do not list these types.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """List what a selection selects, as `dbt ls` would. Needs a manifest, but no project and no stack."""
    from headgate.domain.selection.listing import listed_types
    from headgate.domain.selection.resolve import Resolver

    if selector and (selected or exclude):
        raise typer.BadParameter("--selector and --select or --exclude exclude each other")
    types = listed_types(resource_type or (), exclude_resource_type or ())
    index = _index(manifest, selectors_file)
    resolved = Resolver(index, _earlier(state, manifest)).resolve(
        selected or (),
        exclude or (),
        selector=selector,
        indirect=indirect_selection.value,
        resource_types=types,
    )
    for part in resolved.unmatched:
        note(
            f"[yellow]warning[/] {escaped(repr(part))} matches nothing that is enabled{_nearest(part, index)}"
        )
    _show(sorted(resolved.nodes), resolved.unmatched, as_json)


def _index(manifest: Path, selectors_file: Path | None) -> "Index":
    import msgspec

    from headgate.domain.manifest import read_manifest
    from headgate.errors import NotFoundError

    try:
        body = manifest.read_bytes()
    except OSError as fault:
        raise NotFoundError(
            f"the manifest {manifest} cannot be read: {fault.strerror}; name another one with --manifest"
        ) from fault
    index = read_manifest(body, str(manifest))
    if selectors_file is None:
        return index
    from headgate.adapters.selectors_file import read_selectors_file

    found = read_selectors_file(selectors_file)
    return msgspec.structs.replace(index, selectors=dict(found.selectors), default_selector=found.default)


def _earlier(state: Path | None, manifest: Path) -> "Earlier | None":
    if state is None:
        return None
    from headgate.adapters.state_folder import read_state_folder

    return read_state_folder(state, manifest.parent)


def _nearest(part: str, index: "Index") -> str:
    """A node whose name is alike, if the part is a name with or without operators."""
    from difflib import get_close_matches

    names = {node.name for node in index.nodes.values() if node.enabled and node.resource_type != "test"}
    near = get_close_matches(part.strip("@+0123456789"), sorted(names), n=1, cutoff=0.7)
    return f"; did you mean {escaped(near[0])}?" if near else ""


def _show(nodes: Sequence[str], unmatched: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json({"nodes": list(nodes), "unmatched": list(unmatched)})
    else:
        sys.stdout.write("".join(f"{unique_id}\n" for unique_id in nodes))
    if not nodes:
        note("[yellow]warning[/] nothing is selected")
