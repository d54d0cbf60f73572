"""The last steps: what has nothing new is not built again, and whoever asks is told why, before and after."""

from typing import Any

from headgate.bootstrap import world
from headgate_local.demo.fivetran import Fivetran
from headgate_local.demo.narrator import Narrator
from headgate_local.demo.terminal import Terminal, wait_until

CONNECTOR = "exchange_rates"
SOURCE = "source.shop.treasury.exchange_rates"
# Views hold no data, so the staging model is left alone; the first table behind it is not.
VIEW, TABLE = "model.shop.stg_treasury__exchange_rates", "model.shop.int_daily_exchange_rates"


class SecondSync:
    """A connector that no job waits for has synced; then nothing has."""

    def __init__(self, narrator: Narrator, terminal: Terminal, fivetran: Fivetran) -> None:
        self._tell, self._type, self._fivetran = narrator, terminal, fivetran
        self._planned: dict[str, str] = {}

    def plan(self) -> None:
        """New rates: what finance would build, and why."""
        before, known = self._type.run_ids(), self._last_sync()
        self._fivetran.post(self._fivetran.sync_ended(CONNECTOR))
        wait_until(lambda: 1 if self._last_sync() != known else None, f"the sync of {CONNECTOR} is known", 20)
        self._type.headgate("plan", "finance")
        nodes = self._type.json("plan", "finance")["steps"][0]["nodes"]
        # An ephemeral model is only text in another one's query.
        with_turn = [node for node in nodes if node["materialized"] != "ephemeral"]
        self._planned = {node["unique_id"]: node["action"] for node in with_turn}
        reasons = {node["unique_id"]: node["reason"] for node in nodes}
        self._tell.check(reasons[VIEW] == "no_new_data", f"{VIEW} holds no data: it is reused")
        self._tell.check(reasons[TABLE] == "new_data", f"{TABLE} reads through it: it is built")
        self._tell.check(self._type.run_ids() == before, "nothing was started, nothing was written")

    def run(self) -> None:
        """The run does what the plan said."""
        before = self._type.run_ids()
        self._type.headgate("run", "finance")
        run = self._type.new_run(before)
        self._type.headgate("runs", "view", str(run))
        # A test that is reused may warn again; nobody ran it.
        turns = {node["unique_id"]: node["runner"] for node in self._type.nodes(run)}
        done = {node: "build" if turns[node] else "reuse" for node in self._planned}
        built = sum(action == "build" for action in done.values())
        self._tell.check(
            done == self._planned, f"{built} nodes were built as planned, {len(done) - built} reused"
        )

    def run_again(self) -> None:
        """Nothing is new: no container."""
        before = self._type.run_ids()
        self._type.headgate("run", "marketing")
        run = self._type.new_run(before)
        nodes = self._type.nodes(run)
        statuses = {node["status"] for node in nodes}
        self._tell.check(statuses <= {"reused", "warn"}, f"{len(nodes)} nodes, all reused")
        self._tell.check(not world().queue.runners(run, 1), "no container was started")

    def _last_sync(self) -> Any:
        sources = self._type.json("sources")["sources"]
        return next(source["last_sync"] for source in sources if source["unique_id"] == SOURCE)
