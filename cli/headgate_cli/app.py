"""The entry point: every command under its noun, and one place where faults become words and exit codes."""

from typing import Any

import typer
from typer.core import TyperGroup

from headgate_cli.cancel import cancel
from headgate_cli.doctor import doctor, version
from headgate_cli.env import app as env
from headgate_cli.events import app as events
from headgate_cli.faults import INTERRUPTED, report
from headgate_cli.jobs import app as jobs
from headgate_cli.local import app as local
from headgate_cli.logs import logs
from headgate_cli.output import note
from headgate_cli.plan import plan
from headgate_cli.publish import publish
from headgate_cli.retry import retry
from headgate_cli.run import run
from headgate_cli.runs import app as runs
from headgate_cli.select import ManyWords, select
from headgate_cli.simulate import simulate
from headgate_cli.sources import sources
from headgate_cli.trigger import app as trigger


class _Headgate(TyperGroup):
    """The root command. Whatever a command raises ends here."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            note("\ninterrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise
        except Exception as fault:
            if _is_typer_s(fault):
                raise
            raise typer.Exit(report(fault)) from None


def _is_typer_s(fault: Exception) -> bool:
    """Exits and usage faults: typer words those itself, with exit code 2."""
    return type(fault).__module__.startswith(("typer", "click"))


app = typer.Typer(
    cls=_Headgate,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Event-driven, serverless dbt orchestration in your own AWS account.",
    epilog="Exit codes: 0 ok · 1 the run failed · 2 wrong usage or file · 3 the plan has changes · 4 not configured · "
    "5 not found · 6 gave up waiting · 130 interrupted",
)
app.command()(publish)
app.command()(plan)
app.command()(run)
app.command()(cancel)
app.command()(retry)
app.command()(logs)
app.command(cls=ManyWords)(select)
app.command()(sources)
app.command()(simulate)
for noun, commands in {
    "runs": runs,
    "jobs": jobs,
    "env": env,
    "trigger": trigger,
    "events": events,
    "local": local,
}.items():
    app.add_typer(commands, name=noun)
app.command()(doctor)
app.command()(version)


def main() -> None:
    """Console script `headgate`."""
    app()


if __name__ == "__main__":
    main()
