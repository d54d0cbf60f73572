"""Who may do what, read from template.yaml: least privilege, and what a dbt project must never reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.template.cloudformation import function_folders, pascal_case, template
from tests.template.iam import Statement, allows, role_statements

TEMPLATE = template()
ROLES = sorted(TEMPLATE.of_type("AWS::IAM::Role"))
ACCOUNT = "eu-central-1:123456789012"

# Actions that AWS knows no resource for, and why the role needs them. Nothing else may be granted on "*".
WITHOUT_RESOURCE = {
    ("RunMachineRole", "logs:CreateLogDelivery"): "Step Functions delivers the state machine's log itself",
    ("RunMachineRole", "logs:GetLogDelivery"): "as above",
    ("RunMachineRole", "logs:UpdateLogDelivery"): "as above",
    ("RunMachineRole", "logs:DeleteLogDelivery"): "as above",
    ("RunMachineRole", "logs:ListLogDeliveries"): "as above",
    ("RunMachineRole", "logs:PutResourcePolicy"): "as above",
    ("RunMachineRole", "logs:DescribeResourcePolicies"): "as above",
    ("RunMachineRole", "logs:DescribeLogGroups"): "as above",
    ("ReapRunsRole", "ecs:ListTasks"): "no resource on Fargate; a condition keeps it to the cluster",
    ("RunnerExecutionRole", "ecr:GetAuthorizationToken"): "the token opens only what BatchGetImage allows",
}


def grants() -> Iterator[tuple[str, Statement]]:
    for role in ROLES:
        for statement in role_statements(TEMPLATE, role):
            yield role, statement


def secret(name: str) -> str:
    return f"arn:aws:secretsmanager:{ACCOUNT}:secret:headgate/{name}-AbCdEf"


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard(role: str) -> None:
    for statement in role_statements(TEMPLATE, role):
        assert not [action for action in statement.actions if "*" in action]


def test_nothing_is_granted_on_everything_but_what_has_no_resource() -> None:
    everywhere = {
        (role, action)
        for role, statement in grants()
        if "*" in statement.resources
        for action in statement.actions
    }
    assert everywhere == set(WITHOUT_RESOURCE)


@pytest.mark.parametrize("role", ROLES)
def test_a_wildcard_in_a_resource_never_spans_the_stack(role: str) -> None:
    for statement in role_statements(TEMPLATE, role):
        for resource in set(statement.resources) - {"*"}:
            head, star, _ = resource.partition("*")
            # Either a resource of this template, or a name below this stack's own.
            assert (
                not star
                or "headgate" in head
                or head.split(".")[0] in TEMPLATE.resources
                or "Cluster" in head
            )


@pytest.mark.parametrize("verb", function_folders())
def test_a_function_has_a_role_of_its_own_that_only_lambda_can_take(verb: str) -> None:
    role = TEMPLATE.of_type("AWS::IAM::Role")[f"{pascal_case(verb)}Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert [policy["PolicyName"] for policy in role["Policies"]] == [verb]


@pytest.mark.parametrize("verb", function_folders())
def test_a_function_writes_only_its_own_log(verb: str) -> None:
    logs = [
        s for s in role_statements(TEMPLATE, f"{pascal_case(verb)}Role") if s.actions[0].startswith("logs:")
    ]
    assert [s.resources for s in logs] == [(f"{pascal_case(verb)}Logs.Arn",)]
    assert set(logs[0].actions) == {"logs:CreateLogStream", "logs:PutLogEvents"}, (
        "the template makes the group"
    )


def test_events_are_published_as_headgate_only() -> None:
    publishing = [statement for _, statement in grants() if "events:PutEvents" in statement.actions]
    assert len(publishing) == 6
    for statement in publishing:
        assert statement.resources == ("Bus.Arn",)
        assert statement.conditions == {"StringEquals": {"events:source": "headgate"}}


# What strangers can reach: the webhook's function.


def test_the_webhook_reaches_inbound_events_and_nothing_else_in_the_table() -> None:
    statements = role_statements(TEMPLATE, "ReceiveWebhookRole")
    for key, expected in {"event#1": True, "run#000000000001": False, "job#finance": False}.items():
        allowed = allows(statements, "dynamodb:UpdateItem", "Table.Arn", dynamodb__LeadingKeys=[key])
        assert allowed is expected, key
    assert not allows(statements, "dynamodb:Query", "Table.Arn/index/listing")


@pytest.mark.parametrize(
    ("role", "action", "key"),
    [
        ("MatchTriggersRole", "dynamodb:PutItem", "syncs"),
        ("MatchTriggersRole", "dynamodb:PutItem", "sync#2026-01"),
        ("PlanRunRole", "dynamodb:BatchGetItem", "state#production"),
        ("PlanRunRole", "dynamodb:GetItem", "state#production"),
        ("PlanRunRole", "dynamodb:Query", "syncs"),
        ("PlanRunRole", "dynamodb:Query", "observed#production"),
        ("FinalizeRunRole", "dynamodb:BatchWriteItem", "observed#production"),
    ],
)
def test_what_reuse_knows_is_read_and_written_by_who_needs_it(role: str, action: str, key: str) -> None:
    statements = role_statements(TEMPLATE, role)
    assert allows(statements, action, "Table.Arn", dynamodb__LeadingKeys=[key])


def test_nobody_from_outside_says_what_was_synced_or_built() -> None:
    for role in ("ReceiveWebhookRole", "ServeConsoleRole"):
        statements = role_statements(TEMPLATE, role)
        for key in ("syncs", "sync#2026-01", "state#production", "observed#production"):
            for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"):
                assert not allows(statements, action, "Table.Arn", dynamodb__LeadingKeys=[key])


def test_the_webhook_reads_webhook_secrets_only() -> None:
    statements = role_statements(TEMPLATE, "ReceiveWebhookRole")
    read = "secretsmanager:GetSecretValue"
    assert allows(statements, read, secret("webhooks/fivetran/default"))
    for other in ("api-token", "slack", "warehouse/prod"):
        assert not allows(statements, read, secret(other)), other


# What a dbt project can reach: it is arbitrary code with the runner's role.

RUNNER = role_statements(TEMPLATE, "RunnerRole")


def test_a_dbt_project_reads_the_warehouses_secrets_only() -> None:
    read = "secretsmanager:GetSecretValue"
    assert allows(RUNNER, read, secret("warehouse/prod"))
    for other in ("api-token", "slack", "webhooks/fivetran/default"):
        assert not allows(RUNNER, read, secret(other)), other
    assert {a for s in RUNNER for a in s.actions if a.startswith("secretsmanager:")} == {read}


@pytest.mark.parametrize(
    ("action", "key", "expected"),
    [
        ("dynamodb:UpdateItem", "run#000000000012", True),
        ("dynamodb:ConditionCheckItem", "run#000000000012", True),
        ("dynamodb:ConditionCheckItem", "state#production", False),
        ("dynamodb:GetItem", "environment#production", True),
        ("dynamodb:UpdateItem", "environment#production", False),
        ("dynamodb:UpdateItem", "pool#production", True),
        ("dynamodb:DeleteItem", "pool#production", False),
        ("dynamodb:UpdateItem", "state#production", True),
        ("dynamodb:BatchGetItem", "state#production", True),
        ("dynamodb:DeleteItem", "state#production", False),
        ("dynamodb:PutItem", "state#production", False),
        ("dynamodb:BatchGetItem", "run#000000000012", False),
        ("dynamodb:UpdateItem", "syncs", False),
        ("dynamodb:UpdateItem", "sync#2026-01", False),
        ("dynamodb:UpdateItem", "observed#production", False),
        ("dynamodb:UpdateItem", "job#finance", False),
        ("dynamodb:GetItem", "job#finance", False),
        ("dynamodb:GetItem", "event#1", False),
        ("dynamodb:UpdateItem", "counter", False),
        ("dynamodb:GetItem", "alerts#headgate.yml", False),
        ("dynamodb:DeleteItem", "run#000000000012", False),
        ("dynamodb:PutItem", "run#000000000012", False),
        ("dynamodb:Scan", "run#000000000012", False),
    ],
)
def test_a_dbt_project_reaches_runs_and_its_environment_only(action: str, key: str, expected: bool) -> None:
    assert allows(RUNNER, action, "Table.Arn", dynamodb__LeadingKeys=[key]) is expected


def test_a_dbt_project_cannot_list_what_others_wrote() -> None:
    open_nodes = "Table.Arn/index/open"
    assert allows(RUNNER, "dynamodb:Query", open_nodes, dynamodb__LeadingKeys=["run#000000000012#step#01"])
    assert not allows(RUNNER, "dynamodb:Query", open_nodes, dynamodb__LeadingKeys=["run"])
    assert not allows(RUNNER, "dynamodb:Query", "Table.Arn/index/listing", dynamodb__LeadingKeys=["run#1"])
    assert not allows(RUNNER, "dynamodb:Scan", "Table.Arn/index/open")


def test_a_dbt_project_cannot_change_what_was_published() -> None:
    assert allows(RUNNER, "s3:GetObject", "ArtifactsBucket.Arn/bundles/abc/project.zip")
    assert allows(RUNNER, "s3:PutObject", "ArtifactsBucket.Arn/runs/12/steps/01/run_results.json")
    assert not allows(RUNNER, "s3:PutObject", "ArtifactsBucket.Arn/bundles/abc/project.zip")
    assert not allows(RUNNER, "s3:DeleteObject", "ArtifactsBucket.Arn/runs/12/steps/01/run_results.json")


def test_a_dbt_project_starts_nothing() -> None:
    services = {action.partition(":")[0] for statement in RUNNER for action in statement.actions}
    assert services == {"dynamodb", "s3", "secretsmanager"}


# The console shows and never changes.


def test_the_console_only_reads() -> None:
    actions = {a for s in role_statements(TEMPLATE, "ServeConsoleRole") for a in s.actions}
    assert {a for a in actions if not a.startswith("logs:")} == {
        "dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue",
    }  # fmt: skip


# Who may stop and start


def test_only_the_dispatcher_and_the_reaper_start_executions() -> None:
    starting = {role for role, statement in grants() if "states:StartExecution" in statement.actions}
    assert starting == {"DispatchRunsRole", "ReapRunsRole"}


@pytest.mark.parametrize("role", ["ServeApiRole", "DispatchRunsRole", "ReapRunsRole"])
def test_an_execution_is_stopped_by_who_may_cancel_and_only_this_stacks(role: str) -> None:
    statements = role_statements(TEMPLATE, role)
    execution = f"arn:aws:states:{ACCOUNT}:execution"
    assert allows(statements, "states:StopExecution", f"{execution}:headgate-run:run-12")
    assert not allows(statements, "states:StopExecution", f"{execution}:other:run-12")


def test_the_reaper_reaches_containers_of_this_stacks_cluster_only() -> None:
    statements = role_statements(TEMPLATE, "ReapRunsRole")
    task, other = f"arn:aws:ecs:{ACCOUNT}:task/Cluster/0123", f"arn:aws:ecs:{ACCOUNT}:cluster/other"
    for action in ("ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"):
        assert allows(statements, action, task, ecs__cluster="Cluster.Arn")
        assert not allows(statements, action, task, ecs__cluster=other)
    assert not allows(statements, "ecs:RunTask", "*", ecs__cluster="Cluster.Arn")


# Who may act as whom


def test_the_state_machine_hands_its_runners_roles_to_ecs_only() -> None:
    (passing,) = [s for _, s in grants() if "iam:PassRole" in s.actions]
    assert set(passing.resources) == {"RunnerRole.Arn", "RunnerExecutionRole.Arn"}
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_the_state_machine_starts_this_stacks_runner_in_this_stacks_cluster() -> None:
    statements = role_statements(TEMPLATE, "RunMachineRole")
    family = f"arn:aws:ecs:{ACCOUNT}:task-definition/headgate-runner"
    here, elsewhere = (
        {"ecs__cluster": "Cluster.Arn"},
        {"ecs__cluster": f"arn:aws:ecs:{ACCOUNT}:cluster/other"},
    )
    assert allows(statements, "ecs:RunTask", f"{family}:7", **here)
    assert not allows(statements, "ecs:RunTask", f"{family}:7", **elsewhere)
    assert not allows(statements, "ecs:RunTask", f"arn:aws:ecs:{ACCOUNT}:task-definition/other:1", **here)
    task = f"arn:aws:ecs:{ACCOUNT}:task/Cluster/0123"
    for action in ("ecs:StopTask", "ecs:DescribeTasks"):
        assert allows(statements, action, task, **here)
        assert not allows(statements, action, task, **elsewhere)


def test_the_state_machine_may_learn_that_a_container_ended() -> None:
    statements = role_statements(TEMPLATE, "RunMachineRole")
    rule = f"arn:aws:events:{ACCOUNT}:rule/StepFunctionsGetEventsForECSTaskRule"
    for action in ("events:PutTargets", "events:PutRule", "events:DescribeRule"):
        assert allows(statements, action, rule)


def test_the_state_machine_invokes_its_two_functions_only() -> None:
    statements = role_statements(TEMPLATE, "RunMachineRole")
    invoked = {r for s in statements if "lambda:InvokeFunction" in s.actions for r in s.resources}
    assert invoked == {"PlanRunFunction.Arn", "FinalizeRunFunction.Arn"}


def test_only_this_stacks_schedules_take_the_schedule_role_and_only_to_match_triggers() -> None:
    role = TEMPLATE.of_type("AWS::IAM::Role")["ScheduleRole"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:scheduler:{ACCOUNT}:schedule-group/headgate"},
    }
    assert [(s.actions, s.resources) for s in role_statements(TEMPLATE, "ScheduleRole")] == [
        (("lambda:InvokeFunction",), ("MatchTriggersFunction.Arn",)),
        (("sqs:SendMessage",), ("MatchTriggersDlq.Arn",)),
    ]


def test_no_role_of_a_service_can_be_taken_for_another_account() -> None:
    for name in ("ScheduleRole", "RunMachineRole", "RunnerRole"):
        (trust,) = TEMPLATE.of_type("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012", name


def test_every_permission_and_queue_names_its_source() -> None:
    for permission in TEMPLATE.of_type("AWS::Lambda::Permission").values():
        assert permission["SourceArn"]
    for policy in TEMPLATE.of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            assert statement["Action"] == "sqs:SendMessage"


def test_alerts_enter_their_queue_from_their_topic_only() -> None:
    (statement,) = TEMPLATE.of_type("AWS::SQS::QueuePolicy")["AlertQueuePolicy"]["PolicyDocument"][
        "Statement"
    ]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "AlertTopic"}}


@pytest.mark.parametrize("verb", ["match_triggers", "dispatch_runs", "finalize_run"])
def test_a_function_that_nobody_waits_for_may_keep_what_it_could_not_handle(verb: str) -> None:
    name = pascal_case(verb)
    assert allows(role_statements(TEMPLATE, f"{name}Role"), "sqs:SendMessage", f"{name}Dlq.Arn")
