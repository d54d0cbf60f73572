"""S3 tells EventBridge of new objects as AWS does: what headgate.adapters.webhooks.s3 reads of it."""

from headgate.adapters.webhooks.s3 import read
from tests.integration.emulated import Emulated, wait_for


def test_an_object_is_told_of_on_the_accounts_own_bus(emulated: Emulated) -> None:
    s3, events = emulated.client("s3"), emulated.client("events")
    pattern = '{"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["landing"]}}}'
    events.put_rule(Name="objects", EventPattern=pattern)
    events.put_targets(Rule="objects", Targets=[{"Id": "queue", "Arn": emulated.outputs["SeenQueueArn"]}])
    for bucket in ("landing", "elsewhere"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        s3.put_object(Bucket=bucket, Key="a b/größe=1/_SUCCESS", Body=b"")
    s3.put_object(Bucket="landing", Key="a b/größe=1/_SUCCESS", Body=b"x")
    seen: list[dict[str, object]] = []

    def both() -> bool:
        seen.extend(
            m for m in emulated.messages(emulated.outputs["SeenQueueUrl"]) if m.get("source") == "aws.s3"
        )
        return len(seen) >= 2

    wait_for(both)
    events.remove_targets(Rule="objects", Ids=["queue"])
    found = [made for message in seen if (made := read(message))]
    assert {signal.names for _, signal, _ in found} == {("landing",)}
    assert {signal.attributes["key"] for _, signal, _ in found} == {"a b/größe=1/_SUCCESS"}
    assert len({event_id for event_id, _, _ in found}) == 2, "the second object of a key is another event"
