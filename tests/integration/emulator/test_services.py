"""Scheduler, DynamoDB, SQS, EventBridge, alarms and secrets, held to AWS."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from headgate_local.environment import emulator_environment
from tests.integration.emulated import Emulated, wait_for


def test_a_schedule_fires_in_its_time_zone_with_its_scheduled_time(emulated: Emulated) -> None:
    url = emulated.outputs["SeenQueueUrl"]
    at = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    local = at.astimezone(ZoneInfo("Asia/Kolkata")).replace(tzinfo=None)
    given = {"at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>"}
    emulated.client("scheduler").create_schedule(
        Name="once",
        GroupName=emulated.outputs["ScheduleGroupName"],
        ScheduleExpression=f"at({local.isoformat()})",
        ScheduleExpressionTimezone="Asia/Kolkata",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": emulated.outputs["SeenQueueArn"],
            "RoleArn": emulated.outputs["RoleArn"],
            "Input": json.dumps(given),
        },
    )
    arrived = wait_for(lambda: [m for m in emulated.messages(url) if "at" in m], 6)
    assert arrived[0]["at"] == at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(arrived[0]["id"]) > 20
    assert wait_for(lambda: "once" not in schedule_names(emulated), 6), "a one-off that is over is taken away"


def test_a_rate_first_comes_due_at_its_start(emulated: Emulated) -> None:
    url = emulated.outputs["SeenQueueUrl"]
    start = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    emulated.client("scheduler").create_schedule(
        Name="rated",
        GroupName=emulated.outputs["ScheduleGroupName"],
        ScheduleExpression="rate(7 hours)",
        StartDate=start,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": emulated.outputs["SeenQueueArn"],
            "RoleArn": emulated.outputs["RoleArn"],
            "Input": json.dumps({"rated": "<aws.scheduler.scheduled-time>"}),
        },
    )
    arrived = wait_for(lambda: [m for m in emulated.messages(url) if "rated" in m], 6)
    assert [message["rated"] for message in arrived] == [start.strftime("%Y-%m-%dT%H:%M:%SZ")]


def schedule_names(emulated: Emulated) -> list[str]:
    group = emulated.outputs["ScheduleGroupName"]
    found = emulated.client("scheduler").list_schedules(GroupName=group)["Schedules"]
    return [entry["Name"] for entry in found]


def test_more_schedules_than_fit_on_a_page_are_all_listed(emulated: Emulated) -> None:
    scheduler, group = emulated.client("scheduler"), emulated.outputs["ScheduleGroupName"]
    target = {"Arn": emulated.outputs["SeenQueueArn"], "RoleArn": emulated.outputs["RoleArn"]}
    names = [f"many-{number}" for number in range(120)]
    for name in names:
        scheduler.create_schedule(
            Name=name,
            GroupName=group,
            ScheduleExpression="rate(30 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group)
    found = [entry["Name"] for page in pages for entry in page["Schedules"]]
    for name in names:
        scheduler.delete_schedule(Name=name, GroupName=group)
    assert sorted(name for name in found if name in names) == sorted(names)


def test_a_deployed_schedule_keeps_its_time_zone(emulated: Emulated) -> None:
    scheduler = emulated.client("scheduler")
    group = emulated.outputs["ScheduleGroupName"]
    (name,) = [name for name in schedule_names(emulated) if name not in ("once", "rated")]
    assert scheduler.get_schedule(Name=name, GroupName=group)["ScheduleExpressionTimezone"] == "Europe/Berlin"


def test_a_deployed_table_has_its_time_to_live(emulated: Emulated) -> None:
    described = emulated.client("dynamodb").describe_time_to_live(TableName=emulated.outputs["TableName"])
    assert described["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }


def test_a_condition_is_parsed_once_for_many_items(emulated: Emulated, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from ministack.services import dynamodb
        from headgate_local.emulator import patches
        patches.install(None, cache=Path(sys.argv[1]))
        items = [{"pk": {"S": str(number)}} for number in range(100)]
        found = [i for i in items if dynamodb._evaluate_condition("pk = :p", i, {":p": {"S": "7"}}, {})]
        print(found, dynamodb._condition_syntax_error.cache_info().misses)
    """
    result = subprocess.run(
        [emulated.places.emulator_python, "-c", code, tmp_path],
        env=emulator_environment(emulated.places, 4566, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == "[{'pk': {'S': '7'}}] 1", result.stderr


def test_a_topic_feeds_a_function_through_a_queue_and_failures_end_in_the_dead_letters(
    emulated: Emulated,
) -> None:
    sns, table = emulated.client("sns"), emulated.client("dynamodb")
    for body in ("good", "fail"):
        sns.publish(TopicArn=emulated.outputs["TopicArn"], Message=body)
    key = {"pk": {"S": "message"}, "sk": {"S": "good"}}
    wait_for(lambda: table.get_item(TableName=emulated.outputs["TableName"], Key=key).get("Item"))
    sqs, url = emulated.client("sqs"), emulated.outputs["DeadLettersUrl"]
    dead = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), 20)
    assert [message["Body"] for message in dead] == ["fail"]


def test_a_rule_on_our_bus_reaches_its_function(emulated: Emulated) -> None:
    entry = {
        "Source": "headgate",
        "DetailType": "RunQueued",
        "Detail": '{"run_id": 7}',
        "EventBusName": emulated.outputs["BusName"],
    }
    event_id = emulated.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
    key = {"pk": {"S": "event"}, "sk": {"S": event_id}}
    table, name = emulated.client("dynamodb"), emulated.outputs["TableName"]
    item = wait_for(lambda: table.get_item(TableName=name, Key=key).get("Item"))
    assert json.loads(item["detail"]["S"]) == {"run_id": 7}


def test_an_alarm_over_a_sum_is_deployed(emulated: Emulated) -> None:
    found = emulated.client("cloudwatch").describe_alarms(AlarmNames=["headgate-sum"])["MetricAlarms"]
    assert [alarm["MetricName"] for alarm in found] == ["ApproximateNumberOfMessagesVisible"]


def test_a_generated_secret_keeps_to_its_alphabet(emulated: Emulated) -> None:
    manager = emulated.client("secretsmanager")
    secret = json.loads(manager.get_secret_value(SecretId="headgate/runner")["SecretString"])
    assert secret["user"] == "headgate"
    assert len(secret["secret"]) == 32
    assert secret["secret"].isalnum()
