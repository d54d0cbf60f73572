"""Tell of what went wrong in a step: one alert for each failed or warned node, or one for the job itself."""

from headgate.domain.alerts import Alert, first_line
from headgate.domain.bundle import INDEX, named
from headgate.domain.index import Index
from headgate.domain.outcome import StepOutcome, held_back
from headgate.domain.plan import Plan
from headgate.domain.results import NOBODY, NodeResult
from headgate.domain.run import Run
from headgate.errors import ManifestError, NotFoundError
from headgate.ports import AlertTopic, BundleStore


def raise_alerts(
    run: Run,
    plan: Plan | None,
    ended: StepOutcome,
    *,
    alerts: AlertTopic,
    bundles: BundleStore,
    console_url: str,
) -> None:
    """Publish the alerts of a step that ended. Again after a failure: route_alerts sends each of them once."""
    url = f"{console_url}/runs/{run.run_id}"
    # A warning that is only repeated, because nothing has changed since, was told when it was new.
    warned = [result for result in ended.warned if result.runner != NOBODY]
    about = [(result, "error") for result in ended.failed] + [(result, "warn") for result in warned]
    if ended.error is not None and not ended.failed:
        # Nobody's node failed, yet the run did: the job itself is what somebody must look at.
        alerts.publish(
            Alert(run.run_id, run.job, run.environment, f"job.{run.job}", "error", "error", ended.error, url)
        )
    if not about or plan is None:
        return
    index = _index(run, plan, bundles)
    for result, severity in about:
        alerts.publish(_alert(run, plan, index, result, severity, url))


def _index(run: Run, plan: Plan, bundles: BundleStore) -> Index:
    # An alert without its owner is better than a run that cannot end.
    try:
        return Index.decode(bundles.read(run.bundle, named(plan.parse_digest, INDEX)))
    except (NotFoundError, ManifestError):
        return Index()


def _alert(run: Run, plan: Plan, index: Index, result: NodeResult, severity: str, url: str) -> Alert:
    node = index.nodes.get(result.unique_id)
    return Alert(
        run_id=run.run_id,
        job=run.job,
        environment=run.environment,
        node=result.unique_id,
        status=result.status,
        severity=severity,
        error=first_line(result.message),
        url=url,
        owner=node.owner if node else "",
        path=node.original_file_path if node else "",
        tags=node.tags if node else (),
        skipped=len(held_back(plan, result.unique_id)) if severity == "error" else 0,
    )
