"""Dagster's own dbt integration on the same project: `dagster asset materialize`, in `.venv/dagster` (make bench)."""

from pathlib import Path
from textwrap import dedent

from benchmarks.laptop import ROOT
from benchmarks.projects import Cost, Project

BIN = ROOT / ".venv" / "dagster" / "bin"
DEFINITIONS = dedent("""\
    from pathlib import Path

    from dagster import AssetExecutionContext, Definitions
    from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

    project = DbtProject(project_dir=Path(__file__).parent, profiles_dir=Path(__file__).parent)


    @dbt_assets(manifest=project.manifest_path)
    def models(context: AssetExecutionContext, dbt: DbtCliResource):
        yield from dbt.cli(["build"], context=context).stream()


    definitions = Definitions(assets=[models], resources={"dbt": DbtCliResource(project_dir=project)})
    """)


def materialize(project: Project) -> Cost:
    """All models as assets, as dagster-dbt's users do it: one dbt build, followed event by event."""
    (project.folder / "definitions.py").write_text(DEFINITIONS)
    home = project.folder / "dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    command = [str(BIN / "dagster"), "asset", "materialize", "--select", "*", "-f", "definitions.py"]
    path = f"{BIN}:/usr/bin:/bin"
    return project.cost_of([command], variables={"DAGSTER_HOME": str(home), "PATH": path})


def is_installed() -> bool:
    return Path(BIN / "dagster").exists()
