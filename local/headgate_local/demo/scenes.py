"""The demo's steps: each does what a user would do, with the same commands and the same HTTP requests."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import psycopg2

from headgate.bootstrap import world
from headgate.domain.queue import NodeState
from headgate_local.demo.fivetran import Fivetran
from headgate_local.demo.narrator import DemoFailedError, Narrator
from headgate_local.demo.receiver import AlertReceiver
from headgate_local.demo.second_sync import SecondSync
from headgate_local.demo.terminal import Terminal, wait_until
from headgate_local.deploy import client
from headgate_local.local_file import LocalStack
from headgate_local.runners import runners

CHANNEL = "#finance-data"
# A copy of the shop, so that breaking it leaves the repository alone.
PROJECT = Path(".headgate") / "demo" / "shop"
BROKEN_FILE = Path("models/intermediate/finance/int_order_payments.sql")
GOOD, BAD = "sum(amount_eur) as paid_eur", "sum(amount_euro) as paid_eur"
BROKEN_NODE = "model.shop.int_order_payments"
EARLY = frozenset({"exchange_rates", "salesforce", "google_ads"})
# So many nodes are done before a runner is killed.
MANY = 15
COUNTED = {"analytics_finance.fct_orders": 260, "analytics_marketing.dim_customers": None}


class Scenes:
    """Everything that happens after the stack is up, in the checkout `root`."""

    def __init__(self, narrator: Narrator, stack: LocalStack, root: Path, receiver: AlertReceiver) -> None:
        self._tell, self._stack, self._root, self._receiver = narrator, stack, root, receiver
        self._fivetran, self._type = Fivetran(stack), Terminal(narrator, root)
        self.second_sync = SecondSync(narrator, self._type, self._fivetran)

    def prepare(self) -> None:
        """The stand-in for Slack becomes the address of the jobs file's channel."""
        secrets = client("secretsmanager", self._stack.endpoint)
        secrets.put_secret_value(
            SecretId=f"{self._stack.outputs['SecretsPrefix']}/slack",
            SecretString=json.dumps({CHANNEL: self._receiver.url}),
        )
        self._tell.say(f"{CHANNEL} is {self._receiver.url}")

    def publish(self) -> None:
        self._type.headgate("publish", "--project-dir", str(PROJECT), "--environment", "production")

    def sync_early(self) -> None:
        """What connectors did before any job waited for them is known all the same."""
        for connector in sorted(EARLY - self._heard_of()):
            answer = self._fivetran.post(self._fivetran.sync_ended(connector))
            self._tell.check(answer.status_code == 200, f"{connector}: 200 {answer.text}")
        wait_until(lambda: 1 if self._heard_of() >= EARLY else None, "the syncs are remembered", 30)

    def _heard_of(self) -> set[str]:
        return {sync.connector_name for sync in world().freshness.syncs().values()}

    def apply_jobs(self) -> None:
        self._type.headgate("jobs", "apply", "--file", str(PROJECT / "headgate.yml"))

    def send_forged(self) -> None:
        answer = self._fivetran.post(self._fivetran.sync_ended("storefront"), "0" * 64)
        self._tell.check(answer.status_code == 401, f"a forged signature is refused: 401 {answer.text}")

    def send_signed_and_duplicate(self) -> int:
        """A signed webhook starts a run, its duplicate does not. Returns the run."""
        before = self._type.run_ids()
        body = self._fivetran.sync_ended("storefront")
        answer = self._fivetran.post(body)
        self._tell.check(
            answer.status_code == 200 and answer.json()["status"] == "accepted",
            f"the signed webhook is accepted: 200 {answer.text}",
        )
        run = self._type.new_run(before)
        again = self._fivetran.post(body)
        self._tell.check(
            again.status_code == 200 and again.json()["status"] == "duplicate",
            f"its duplicate is accepted too, and recognised: 200 {again.text}",
        )
        time.sleep(1)
        self._tell.check(self._type.run_ids() - before == {run}, f"both together started one run: {run}")
        return run

    def watch_green(self, run: int) -> None:
        self._type.headgate("runs", "watch", str(run))
        nodes = self._type.nodes(run)
        runners = {node["runner"] for node in nodes if node["status"] in ("success", "pass", "warn")}
        self._tell.check(runners == {1, 2}, f"{len(nodes)} nodes, built by runners {sorted(runners)}")

    def show_result(self, run: int) -> None:
        self._type.headgate("runs", "view", str(run))
        for table, expected in COUNTED.items():
            rows = self._query(f"select count(*) from {table}")  # noqa: S608 - names above
            self._tell.check(rows > 0 and expected in (None, rows), f"{table} has {rows} rows")

    def kill_a_runner(self) -> None:
        """kill -9 in the middle of a run: another process takes its place, what was built stays built."""
        run = int(self._type.json("run", "shop", "--no-watch")["run"]["run_id"])
        wait_until(lambda: self._is_building(run) or None, f"both runners of run {run} build", 40)
        done, victim = self._ends(run), runners(self._root)[-1]
        os.kill(victim.pid, signal.SIGKILL)
        self._tell.say(
            f"[dim]$ kill -9 {victim.pid}[/]  runner {victim.runner} of run {run}, {len(done)} nodes done"
        )
        self._type.headgate("runs", "watch", str(run))
        attempts = {record.runner: record.epoch for record in world().queue.runners(run, 1)}
        self._tell.check(attempts[victim.runner] > 1, f"runner {victim.runner} was started again")
        self._tell.check(done.items() <= self._ends(run).items(), "nothing that was done was built again")

    def _is_building(self, run: int) -> bool:
        building = {node.runner for node in world().queue.nodes(run, 1) if node.state is NodeState.RUNNING}
        return building == {1, 2} and len(self._ends(run)) > MANY

    def _ends(self, run: int) -> dict[str, str]:
        """unique_id -> when it ended, of what is done."""
        return {n.unique_id: n.finished_at for n in world().queue.nodes(run, 1) if n.finished_at is not None}

    def break_a_model(self) -> None:
        self._edit(GOOD, BAD)
        self._tell.say(f"{BROKEN_FILE}: {GOOD!r} → {BAD!r}")
        self.publish()

    def watch_red(self) -> None:
        before = self._type.run_ids()
        self._fivetran.post(self._fivetran.sync_ended("stripe"))
        run = self._type.new_run(before)
        self._type.headgate("runs", "watch", str(run), expected=1)
        nodes = {node["unique_id"]: node["status"] for node in self._type.nodes(run)}
        failed = [node for node, status in nodes.items() if status in ("error", "fail")]
        skipped = [node for node, status in nodes.items() if status == "skipped"]
        self._tell.check(failed == [BROKEN_NODE], f"only {BROKEN_NODE} failed")
        self._tell.check(len(skipped) > 0, f"{len(skipped)} nodes downstream of it were skipped, not built")
        message = self._receiver.wait_for(BROKEN_NODE, 20)
        if message is None:
            raise DemoFailedError("no alert was delivered within 20 s")
        self._tell.check(f"/runs/{run}" in json.dumps(message), f"the alert came to {self._receiver.url}:")
        self._tell.say(f"  {message['text']}")

    def repair(self) -> None:
        self._edit(BAD, GOOD)
        self.publish()
        self._type.headgate("run", "finance")

    def _edit(self, old: str, new: str) -> None:
        file = self._root / PROJECT / BROKEN_FILE
        text = file.read_text()
        if text.count(old) != 1:
            raise DemoFailedError(f"{BROKEN_FILE} does not contain {old!r} exactly once")
        file.write_text(text.replace(old, new))

    def _query(self, sql: str) -> int:
        address = self._stack.warehouse
        connection = psycopg2.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            dbname=address.dbname,
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return int(cursor.fetchone()[0])
        finally:
            connection.close()


def copy_shop(root: Path) -> None:
    """Make PROJECT the shop as it is in the repository."""
    shutil.rmtree(root / PROJECT, ignore_errors=True)
    leftovers = shutil.ignore_patterns("target", "logs", "dbt_packages")
    shutil.copytree(root / "examples" / "shop", root / PROJECT, ignore=leftovers)
