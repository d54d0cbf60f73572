"""Run the demo. On a terminal it stays up until Ctrl-C; with CI=1 or without one it ends and cleans up by itself."""

import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from headgate_local import stack as local_stack
from headgate_local.demo.narrator import DemoFailedError, Narrator
from headgate_local.demo.receiver import AlertReceiver
from headgate_local.demo.scenes import Scenes, copy_shop
from headgate_local.environment import enter_local_environment
from headgate_local.errors import LocalStackError

ROOT = Path(__file__).parents[3]


def main() -> int:
    interactive = sys.stdout.isatty() and not os.environ.get("CI")
    narrator = Narrator(Console(width=None if interactive else 120))
    keep_running = local_stack.is_running(ROOT)
    try:
        tell(narrator)
        if interactive:
            where_to_look(narrator)
            signal.pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)
    except (DemoFailedError, LocalStackError) as fault:
        narrator.say(f"[bold red]✕[/] {fault}")
        return 1
    finally:
        if not keep_running:
            local_stack.down(ROOT, narrator.say)
    return 0


def tell(narrator: Narrator) -> None:
    with narrator.step("Start the local stack and deploy template.yaml"):
        stack = local_stack.up(ROOT, detach=True, on_step=narrator.say)
        enter_local_environment(ROOT)
        copy_shop(ROOT)
        receiver = AlertReceiver(ROOT / ".headgate" / "demo" / "receiver-port")
        scenes = Scenes(narrator, stack, ROOT, receiver)
        scenes.prepare()
    with narrator.step("Publish examples/shop: parse it once, for every run to come"):
        scenes.publish()
    with narrator.step("Three connectors sync before any job waits for them"):
        scenes.sync_early()
    with narrator.step("Apply headgate.yml: jobs, schedules, alert rules"):
        scenes.apply_jobs()
    with narrator.step("A webhook with a forged signature"):
        scenes.send_forged()
    with narrator.step("A signed webhook (connector storefront has synced), and its duplicate"):
        run = scenes.send_signed_and_duplicate()
    with narrator.step("dbt builds the whole shop, over two runners"):
        scenes.watch_green(run)
    with narrator.step("What the run left: its record in DynamoDB, its tables in the warehouse"):
        scenes.show_result(run)
    with narrator.step("kill -9 a runner in the middle of the next run"):
        scenes.kill_a_runner()
    with narrator.step("Break a model and publish it"):
        scenes.break_a_model()
    with narrator.step("Connector stripe has synced: the failure, what it skips, and the alert"):
        scenes.watch_red()
    with narrator.step("Repair it, publish it, run the job by hand"):
        scenes.repair()
    with narrator.step("New exchange rates, for which no job waits: what would finance build, and why?"):
        scenes.second_sync.plan()
    with narrator.step("The run does what the plan says"):
        scenes.second_sync.run()
    with narrator.step("A job for which nothing is new"):
        scenes.second_sync.run_again()
    narrator.say(f"\n[bold]Every step did what it says[/], in {narrator.seconds:.0f} s.")
    receiver.close()


def where_to_look(narrator: Narrator) -> None:
    narrator.say("Where to look next, in another terminal:")
    for command in (
        "runs list",
        "runs view 1",
        "logs 2",
        "trigger test fivetran --connector stripe",
        "local status",
    ):
        narrator.say(f"  .venv/bin/headgate {command}")
    narrator.say("Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
