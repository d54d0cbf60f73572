"""One bundle of one project for one environment."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headgate.domain import bundle as names
from headgate.domain.bundle import Bundle, BundleMetadata, content_digest
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job
from headgate.domain.manifest import read_manifest
from headgate.domain.variables import env_vars_of, parse_digest, plain, read_by, references
from headgate_cli.bundle.archive import write_zip
from headgate_cli.bundle.dbt_parse import Parse, parse_project
from headgate_cli.bundle.env_vars import check_secrets, reads_in, settings_reads, unset
from headgate_cli.bundle.profile import set_profile
from headgate_cli.bundle.project import Project, read_project
from headgate_cli.bundle.variables import with_surroundings
from headgate_cli.bundle.wanted import Wanted, common, of_jobs

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Parsed:
    parse: Parse
    index: Index
    packed: Path


def variables_of(jobs: Iterable[Job], environment: str) -> dict[str, str]:
    """Every `--vars` that this environment's jobs use, by digest; without any is always among them."""
    commands = [command for job in jobs if job.environment == environment for command in job.commands]
    return {command.vars_digest: command.vars for command in (Command("build"), *commands)}


@dataclass(frozen=True, slots=True)
class _Parsing:
    """Parses one project for one environment. secrets: the values of references to secrets."""

    project: Project
    environment: Environment
    scratch: Path
    cache: Path
    secrets: Callable[[Mapping[str, str]], Mapping[str, str]]
    dbt: Path | None
    on_step: OnStep

    def __call__(self, wanted: Wanted) -> _Parsed:
        self.on_step(wanted.title)
        project, target, scratch = self.project, self.environment.target, self.scratch / wanted.digest
        parse = parse_project(
            project,
            target,
            wanted.variables,
            self.secrets(references(wanted.effective)),
            scratch,
            self.cache / project.name / self.environment.name / wanted.digest,
            self.dbt,
            plain(wanted.effective),
        )
        check_secrets(project, parse.read, wanted)
        index = read_manifest(parse.manifest.read_bytes(), "dbt's manifest.json")
        read = {*parse.read, *settings_reads(project)}
        index = replace(
            index,
            fail_fast=project.fail_fast,
            compare_unrendered=project.compare_unrendered,
            env_vars=env_vars_of(read, wanted.said),
        )
        index = with_surroundings(index, project, target=target, given=wanted.variables)
        packed = scratch / names.INDEX
        packed.write_bytes(index.encode())
        return _Parsed(parse, index, packed)


def build_bundle(
    folder: Path,
    environment: Environment,
    variables: Mapping[str, str],
    *,
    scratch: Path,
    cache: Path,
    jobs: Iterable[Job] = (),
    secrets: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda _: {},
    dbt: Path | None = None,
    on_step: OnStep = lambda _: None,
) -> Bundle:
    """Make the bundle's files below `scratch`. Raises ProjectError when the project does not parse.

    variables: see `variables_of`. jobs: whose own environment variables count. secrets: the values of variables that
    are references: dbt fixes a relation's database when it parses, so it must have what runners will have. dbt: the
    command to parse with, else as in `find_dbt`. Its version decides which engine builds the bundle.
    """
    project = read_project(folder).copy_to(scratch / "project")
    set_profile(project, environment)
    parsing = _Parsing(project, environment, scratch, cache, secrets, dbt, on_step)
    own = list(of_jobs(environment, jobs))
    parses, texts = {}, dict(variables)
    for wanted in common(environment, variables):
        parses[wanted.digest] = parsing(wanted)
    for wanted in own:
        before = parses.get(parse_digest(wanted.variables, {}))
        # Where dbt reads none of them, it finds what it has found for everybody.
        if before is not None and read_by(before.index.env_vars, wanted.own):
            parses[wanted.digest], texts[wanted.digest] = parsing(wanted), wanted.variables
    made = _pack(project, environment, texts, parses, scratch)
    lacking = unset(reads_in(project), [*common(environment, {"": "{}"}), *own])
    return dataclasses.replace(made, unset=tuple(lacking))


def _pack(
    project: Project,
    environment: Environment,
    variables: Mapping[str, str],
    parses: Mapping[str, _Parsed],
    scratch: Path,
) -> Bundle:
    contents = project.digests()
    index = next(iter(parses.values())).index
    parse_digests = {
        name: f"{parsed.parse.surroundings}{_meaning(parsed.index)}" for name, parsed in parses.items()
    }
    digest = content_digest(
        contents,
        target=environment.target,
        dbt_version=index.dbt_version,
        adapter=index.adapter_type,
        parses=parse_digests,
    )
    archive, metadata = scratch / names.PROJECT, scratch / names.METADATA
    write_zip(project.folder, contents, archive)
    metadata.write_bytes(_metadata(digest, project, environment, variables, parse_digests, index).to_json())
    files = {names.PROJECT: archive, names.METADATA: metadata}
    for name, parsed in parses.items():
        files[names.named(name, names.MANIFEST)] = parsed.parse.manifest
        files[names.named(name, names.PARTIAL_PARSE)] = parsed.parse.partial_parse
        files[names.named(name, names.INDEX)] = parsed.packed
    size = sum(path.stat().st_size for path in files.values())
    return Bundle(digest, files, _buildable(index), size, index.dbt_version)


def _meaning(index: Index) -> str:
    """Digest of what dbt made of the project: the same files give other relations in another database.

    In order of unique_id, since a partial parse may list the same nodes in another order.
    """
    nodes = sorted(index.nodes.items())
    return sha256(msgspec.msgpack.encode((nodes, sorted(index.vars.items())))).hexdigest()


def _metadata(
    digest: str,
    project: Project,
    environment: Environment,
    variables: Mapping[str, str],
    parse_digests: Mapping[str, str],
    index: Index,
) -> BundleMetadata:
    return BundleMetadata(
        digest=digest,
        project=project.name,
        environment=environment.name,
        target=environment.target,
        schema=environment.schema,
        threads=environment.threads,
        dbt_version=index.dbt_version,
        adapter=index.adapter_type,
        parses=variables,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        parse_digests=parse_digests,
        reads=reads_in(project),
    )


def _buildable(index: Index) -> int:
    """How many nodes `dbt build` would look at."""
    kinds = {"model", "seed", "snapshot", "test", "unit_test", "function", "saved_query"}
    return sum(node.resource_type in kinds and node.enabled for node in index.nodes.values())
