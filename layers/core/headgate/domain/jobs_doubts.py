"""What speaks against applying a jobs file, and what will not work although it can be applied."""

from collections.abc import Iterable, Mapping, Sequence

from headgate.domain.applied import names_of
from headgate.domain.completion import cycle_in, upstream_of
from headgate.domain.first_of import first_of
from headgate.domain.job import Job, JobsFile


def warnings_of(
    file: JobsFile,
    old: JobsFile,
    others: Sequence[JobsFile],
    unpublished: Iterable[str],
    without_secret: Iterable[str],
) -> Iterable[str]:
    """What can be applied and will not work yet. old: what is stored; others: what other origins manage."""
    jobs = {job.name for one in (file, *others) for job in one.jobs}
    removed = {job.name for job in old.jobs} - jobs
    for job in file.jobs:
        for wanted in _upstreams(job):
            if wanted not in jobs:
                yield f"job {job.name} waits for the job {wanted}, which nobody applied yet"
    for other in others:
        for job in other.jobs:
            for wanted in _upstreams(job):
                if wanted in removed:
                    yield f"job {job.name} of {other.origin} waits for the job {wanted}, which would be gone"
    for name in sorted(without_secret):
        yield f"receiver {name} has no secret, so nobody can send to it: headgate trigger add webhook {name}"
    for name in sorted(unpublished):
        yield f"environment {name} has nothing published: headgate publish --environment {name}"


def _upstreams(job: Job) -> list[str]:
    named = (upstream_of(one) for gate in job.gates for one in gate.awaits)
    return list(dict.fromkeys(name for name in named if name is not None))


def errors_of(
    file: JobsFile, applied: Mapping[str, JobsFile], replaces: Sequence[str], *, sure: bool
) -> Iterable[str]:
    """Why it cannot be applied. applied: by origin. sure: whoever applies it named the origin."""
    mine = {file.origin, *replaces}
    others = {origin: other for origin, other in applied.items() if origin not in mine}
    owners = {key: origin for origin, other in others.items() for key in names_of(other)}
    taken: dict[str, list[str]] = {}
    for key in names_of(file):
        if key in owners:
            taken.setdefault(owners[key], []).append(" ".join(key))
    yield from (_belongs(origin, names) for origin, names in taken.items())
    for origin in replaces:
        if origin not in applied or not names_of(applied[origin]):
            yield f"nothing is applied as {origin}, so there is nothing to take over from it"
    if (
        cycle := cycle_in([*file.jobs, *(job for other in others.values() for job in other.jobs)])
    ) is not None:
        yield f"these jobs wait for one another, so they would start each other for ever: {' → '.join(cycle)}"
    if not sure and file.origin in applied and (told := _is_another(file, applied[file.origin])):
        yield told


def _belongs(origin: str, names: Sequence[str]) -> str:
    shown = first_of(names, 3)
    verb = "belongs" if len(names) == 1 else "belong"
    return (
        f"{shown} {verb} to {origin}. To move single ones: take them out of that file and apply it first. If this "
        f"file takes its place altogether: --replaces {origin}"
    )


def _is_another(file: JobsFile, stored: JobsFile) -> str:
    """Why `stored` seems to be another project's file of the same name, so that an apply would remove its jobs."""
    written = set(names_of(file))
    gone = [key for key in names_of(stored) if key not in written]
    if not gone or file.project:
        return ""
    named = file.dbt_project and stored.dbt_project
    if file.dbt_project == stored.dbt_project if named else written & set(names_of(stored)):
        return ""
    whose = f"the dbt project {stored.dbt_project!r}" if stored.dbt_project else "another project"
    shown = ", ".join(" ".join(key) for key in gone[:3]) + (" …" if len(gone) > 3 else "")
    return (
        f"{file.origin} was applied from {whose}, and this file would remove what that one said ({shown}). Give this "
        f"file a name of its own (project: {file.dbt_project or 'shop'}); if it is the same project after all, say so "
        f"once: --origin {file.origin}"
    )
