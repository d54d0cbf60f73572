"""template.yaml against the rules that hold for all of it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.settings import PREFIX, Settings
from tests.template.cloudformation import ROOT, function_folders, pascal_case, template

TEMPLATE = template()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")
GLOBALS = TEMPLATE.resolve(TEMPLATE.data["Globals"])["Function"]
LOG_GROUPS = TEMPLATE.of_type("AWS::Logs::LogGroup")
RUNNERS_SETTINGS = (ROOT / "runner" / "headgate_runner" / "settings.py").read_text()
SETTINGS = {
    PREFIX + name.upper() for name, _ in inspect.getmembers(Settings, lambda m: isinstance(m, property))
}


def test_cfn_lint_has_nothing_to_say() -> None:
    outcome = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", "template.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_verb_is_one_function_and_every_function_a_verb() -> None:
    assert {f"{pascal_case(verb)}Function" for verb in function_folders()} == set(FUNCTIONS)
    for verb in function_folders():
        properties = FUNCTIONS[f"{pascal_case(verb)}Function"]
        assert properties["CodeUri"] == f"functions/{verb}"
        assert properties["FunctionName"] == f"headgate-{verb.replace('_', '-')}"
        assert properties["Role"] == f"{pascal_case(verb)}Role.Arn"
    assert GLOBALS["Handler"] == "app.handler"


def test_a_function_ships_its_handler_and_nothing_else() -> None:
    for verb in function_folders():
        shipped = [path.name for path in (ROOT / "functions" / verb).iterdir() if path.name != "__pycache__"]
        assert shipped == ["app.py"]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_writes_to_a_log_group_of_its_own_that_forgets(name: str) -> None:
    group = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]
    assert group == name.removesuffix("Function") + "Logs"
    assert LOG_GROUPS[group]["LogGroupName"] == f"/aws/lambda/{FUNCTIONS[name]['FunctionName']}"


def test_every_log_group_forgets() -> None:
    assert len(LOG_GROUPS) == len(FUNCTIONS) + 3, "functions, API, state machine, runners"
    assert {properties["RetentionInDays"] for properties in LOG_GROUPS.values()} == {"LogRetentionDays"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_environment_of_a_function_is_what_the_settings_read(name: str) -> None:
    own = FUNCTIONS[name].get("Environment", {}).get("Variables", {})
    assert set(GLOBALS["Environment"]["Variables"]) | set(own) <= SETTINGS


def test_the_environment_of_the_runner_is_what_the_settings_read() -> None:
    (container,) = _runner()["ContainerDefinitions"]
    names = {variable["Name"] for variable in container["Environment"]}
    own = names - SETTINGS
    assert {"HEADGATE_TABLE", "HEADGATE_BUCKET", "HEADGATE_SECRETS_PREFIX"} <= names
    assert own == {"HEADGATE_STOP_SECONDS"}
    assert own <= set(re.findall(r"HEADGATE_[A-Z_]+", RUNNERS_SETTINGS))


def test_settings_are_set_where_they_are_needed() -> None:
    everywhere = set(GLOBALS["Environment"]["Variables"])
    assert {"HEADGATE_TABLE", "HEADGATE_BUCKET", "HEADGATE_BUS", "HEADGATE_SECRETS_PREFIX"} <= everywhere
    machine, topic = {"HEADGATE_STATE_MACHINE_ARN": "RunMachine"}, {"HEADGATE_ALERT_TOPIC_ARN": "AlertTopic"}
    own = {name: properties.get("Environment", {}).get("Variables") for name, properties in FUNCTIONS.items()}
    assert {name: variables for name, variables in own.items() if variables} == {
        "DispatchRunsFunction": machine,
        "FinalizeRunFunction": topic,
        "ReapRunsFunction": {**machine, **topic, "HEADGATE_CLUSTER_ARN": "Cluster.Arn"},
        "ServeApiFunction": machine,
    }


def test_no_variable_carries_a_secret() -> None:
    for properties in [GLOBALS, *FUNCTIONS.values()]:
        for name, value in properties.get("Environment", {}).get("Variables", {}).items():
            assert not re.search("TOKEN|PASSWORD|SECRET$", name)
            assert "Secret" not in str(value)


# Asynchronous ways into a function: nobody waits for the answer, so what fails must be kept.


def test_every_rule_keeps_what_it_cannot_deliver() -> None:
    rules = TEMPLATE.of_type("AWS::Events::Rule")
    assert len(rules) == 5
    for name, rule in rules.items():
        for target in rule["Targets"]:
            queue = target["DeadLetterConfig"]["Arn"].removesuffix(".Arn")
            assert queue in TEMPLATE.of_type("AWS::SQS::Queue")
            assert queue in _queues_that_accept(f"{name}.Arn")


def test_every_function_behind_a_rule_keeps_what_it_cannot_handle_as_it_got_it() -> None:
    """Not by OnFailure, which wraps the event: what waits in a queue is to be given to the function again."""
    rules = TEMPLATE.of_type("AWS::Events::Rule").values()
    told = {target["Arn"] for rule in rules if "EventPattern" in rule for target in rule["Targets"]}
    for rule in rules:
        for target in rule["Targets"]:
            function = FUNCTIONS[target["Arn"].removesuffix(".Arn")]
            assert "DestinationConfig" not in function["EventInvokeConfig"]
            if target["Arn"] not in told:
                assert function["EventInvokeConfig"]["MaximumRetryAttempts"] == 0, "it comes again by itself"
            else:
                dead = {"Type": "SQS", "TargetArn": target["DeadLetterConfig"]["Arn"]}
                assert function["DeadLetterQueue"] == dead


def test_every_minute_somebody_looks_after_what_was_lost() -> None:
    rule = TEMPLATE.of_type("AWS::Events::Rule")["EveryMinuteRule"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [target["Arn"] for target in rule["Targets"]] == [
        "ReapRunsFunction.Arn",
        "MatchTriggersFunction.Arn",
    ]


def test_what_arrives_and_what_ends_is_matched() -> None:
    rule = TEMPLATE.of_type("AWS::Events::Rule")["ConnectorSyncedRule"]
    assert rule["EventPattern"]["detail-type"] == ["ConnectorSynced", "SignalReceived", "RunFinished"]
    assert [target["Arn"] for target in rule["Targets"]] == ["MatchTriggersFunction.Arn"]


def test_a_schedule_keeps_what_it_cannot_deliver_where_the_rule_does() -> None:
    outputs = TEMPLATE.resolve(TEMPLATE.data["Outputs"])
    assert outputs["ScheduleDlqArn"]["Value"] == "MatchTriggersDlq.Arn"
    assert outputs["ScheduleTargetArn"]["Value"] == "MatchTriggersFunction.Arn"


def test_the_alert_queue_gives_up_into_a_queue() -> None:
    queue = TEMPLATE.of_type("AWS::SQS::Queue")["AlertQueue"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "AlertDlq.Arn", "maxReceiveCount": 5}
    assert queue["VisibilityTimeout"] >= 6 * GLOBALS["Timeout"]
    event = FUNCTIONS["RouteAlertsFunction"]["Events"]["Alerts"]["Properties"]
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (subscription,) = [
        s for s in TEMPLATE.of_type("AWS::SNS::Subscription").values() if s["Protocol"] == "sqs"
    ]
    assert subscription["RawMessageDelivery"] is True


def test_every_dead_letter_queue_raises_the_alarm() -> None:
    watched = str(TEMPLATE.of_type("AWS::CloudWatch::Alarm")["UndeliveredAlarm"]["Metrics"])
    dead = [name for name in TEMPLATE.of_type("AWS::SQS::Queue") if name.endswith("Dlq")]
    assert len(dead) == 5
    for name in dead:
        assert f"{name}.QueueName" in watched
        assert TEMPLATE.of_type("AWS::SQS::Queue")[name]["MessageRetentionPeriod"] == 1_209_600


def test_every_function_but_the_planner_raises_the_alarm_when_it_fails() -> None:
    metrics = str(TEMPLATE.of_type("AWS::CloudWatch::Alarm")["FunctionErrorsAlarm"]["Metrics"])
    assert {name for name in FUNCTIONS if name not in metrics} == {"PlanRunFunction"}


def test_alarms_reach_the_alarm_topic() -> None:
    for alarm in TEMPLATE.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["AlarmTopic"]


# Storage


def test_the_table_is_encrypted_restorable_and_outlives_the_stack() -> None:
    (table,) = TEMPLATE.of_type("AWS::DynamoDB::Table").values()
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["listing", "open"]
    _outlives("Table")


def test_the_bucket_is_private_encrypted_versioned_and_outlives_the_stack() -> None:
    (bucket,) = TEMPLATE.of_type("AWS::S3::Bucket").values()
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    _outlives("ArtifactsBucket")


def test_the_bucket_answers_only_over_tls() -> None:
    (policy,) = TEMPLATE.of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["ArtifactsBucket.Arn", "ArtifactsBucket.Arn/*"]


def test_bundles_never_expire() -> None:
    (bucket,) = TEMPLATE.of_type("AWS::S3::Bucket").values()
    expiring = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert [rule["Prefix"] for rule in expiring] == ["runs/"]


def test_every_queue_is_encrypted() -> None:
    for name, queue in TEMPLATE.of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_alerts_are_encrypted() -> None:
    assert TEMPLATE.of_type("AWS::SNS::Topic")["AlertTopic"]["KmsMasterKeyId"] == "alias/aws/sns"


def test_secrets_are_generated_or_empty() -> None:
    secrets = TEMPLATE.of_type("AWS::SecretsManager::Secret")
    names = {properties["Name"]: properties for properties in secrets.values()}
    assert set(names) == {"headgate/webhooks/fivetran/default", "headgate/api-token", "headgate/slack"}
    assert (
        names["headgate/webhooks/fivetran/default"]["GenerateSecretString"]["GenerateStringKey"] == "secret"
    )
    assert names["headgate/api-token"]["GenerateSecretString"]["GenerateStringKey"] == "token"
    assert all(
        p["GenerateSecretString"]["PasswordLength"] >= 43 for p in names.values() if "SecretString" not in p
    )
    assert names["headgate/slack"]["SecretString"] == "{}"


# HTTP API


def test_the_api_lives_at_the_root_of_its_host_throttled_and_logged_without_paths() -> None:
    (stage,) = TEMPLATE.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert "$context.routeKey" in stage["AccessLogSettings"]["Format"]
    assert "path" not in stage["AccessLogSettings"]["Format"].lower()


def test_every_route_leads_to_a_function_that_lets_the_api_in() -> None:
    integrations = TEMPLATE.of_type("AWS::ApiGatewayV2::Integration")
    permissions = [
        p for p in TEMPLATE.of_type("AWS::Lambda::Permission").values() if "apigateway" in p["Principal"]
    ]
    routes = TEMPLATE.of_type("AWS::ApiGatewayV2::Route")
    assert {route["RouteKey"] for route in routes.values()} == {
        "POST /webhooks/{provider}/{source}", "POST /webhooks/{provider}/{source}/{token}",
        "GET /", "GET /runs/{run_id}", "ANY /api/{proxy+}",
    }  # fmt: skip
    for route in routes.values():
        integration = integrations[route["Target"].removeprefix("integrations/")]
        function = integration["IntegrationUri"].removesuffix(".Arn")
        method, path = route["RouteKey"].split(" ")
        assert integration["PayloadFormatVersion"] == "2.0"
        timeout = FUNCTIONS[function]["Timeout"]
        assert timeout * 1000 < integration["TimeoutInMillis"] <= 30_000, (
            "the function ends before the API gives up"
        )
        (source,) = [p["SourceArn"] for p in permissions if p["FunctionName"] == function]
        called = f"arn:aws:execute-api:eu-central-1:123456789012:Api/$default/{method}{path}"
        assert re.fullmatch(re.escape(source).replace(r"\*", ".*"), called)


# Runner


def test_the_runner_is_one_container_that_writes_only_to_its_scratch() -> None:
    definition = _runner()
    (container,) = definition["ContainerDefinitions"]
    assert container["Name"] == "runner"
    assert container["ReadonlyRootFilesystem"] is True
    assert [mount["ContainerPath"] for mount in container["MountPoints"] if not mount["ReadOnly"]] == ["/tmp"]  # noqa: S108
    variables = {variable["Name"]: variable["Value"] for variable in container["Environment"]}
    assert container["StopTimeout"] == int(variables["HEADGATE_STOP_SECONDS"]) == 120, (
        "the longest on Fargate"
    )
    assert "Secrets" not in container, "secrets are read at run time, below the environment's names only"
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == "RunnerLogs"


def test_the_cluster_offers_fargate_and_spot() -> None:
    (cluster,) = TEMPLATE.of_type("AWS::ECS::Cluster").values()
    assert cluster["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_images_cannot_be_replaced_under_their_tag() -> None:
    (repository,) = TEMPLATE.of_type("AWS::ECR::Repository").values()
    assert repository["ImageTagMutability"] == "IMMUTABLE"


# The template explains itself


@pytest.mark.parametrize("name", sorted(TEMPLATE.data["Parameters"]))
def test_a_parameter_says_what_it_is_and_what_it_may_be(name: str) -> None:
    parameter = TEMPLATE.data["Parameters"][name]
    assert parameter["Description"].endswith((".", '"'))
    bounds = {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    assert bounds or parameter["Type"].startswith("List<AWS::"), "unbounded"
    asked = {"SubnetIds", "SecurityGroupIds"}
    assert ("Default" in parameter) == (name not in asked)


def test_every_parameter_is_used_and_grouped() -> None:
    groups = TEMPLATE.data["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE.data["Parameters"])


def test_outputs_are_complete() -> None:
    promised = {
        "ApiId", "ApiUrl", "TableName", "BucketName", "BusName", "StateMachineArn", "ClusterArn", "AlertTopicArn",
        "AlertQueueUrl", "ScheduleDlqArn", "ScheduleGroupName", "ScheduleRoleArn", "ScheduleTargetArn", "SecretsPrefix",
        "FivetranSecretName", "ApiTokenSecretName", "ConsoleUrl", "RunnerRepositoryUri",
    }  # fmt: skip
    outputs = TEMPLATE.data["Outputs"]
    assert set(outputs) == promised
    assert all(output["Description"] for output in outputs.values())


def test_outputs_name_the_secrets_that_exist() -> None:
    outputs = TEMPLATE.resolve(TEMPLATE.data["Outputs"])
    names = {properties["Name"] for properties in TEMPLATE.of_type("AWS::SecretsManager::Secret").values()}
    assert {outputs["FivetranSecretName"]["Value"], outputs["ApiTokenSecretName"]["Value"]} < names


def test_the_layer_is_built_for_what_the_functions_run_on() -> None:
    recipe = (ROOT / "layers" / "core" / "Makefile").read_text()
    assert GLOBALS["Runtime"] == "python3.13"
    assert "--python-version 3.13" in recipe
    assert GLOBALS["Architectures"] == ["arm64"]
    assert "--python-platform aarch64" in recipe
    assert "--require-hashes" in recipe
    (name, layer), *others = [(n, r) for n, r in TEMPLATE.resources.items() if "LayerVersion" in r["Type"]]
    assert not others
    assert f"build-{name}:" in recipe
    assert layer["Metadata"]["BuildMethod"] == "makefile"
    assert all(TEMPLATE.resources[function]["Metadata"] == {"SkipBuild": True} for function in FUNCTIONS)


def _runner() -> dict[str, Any]:
    (definition,) = TEMPLATE.of_type("AWS::ECS::TaskDefinition").values()
    return dict(definition)


def _outlives(name: str) -> None:
    resource = TEMPLATE.resources[name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def _queues_that_accept(source: str) -> list[str]:
    return [
        queue
        for policy in TEMPLATE.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for queue in policy["Queues"]
        if source in _as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    ]


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
