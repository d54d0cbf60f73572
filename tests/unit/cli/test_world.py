"""Which stack a command speaks to, and what it says when nothing tells."""

import os
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from headgate_cli.world import NotConfiguredError, choose_stack

OUTPUTS = {"TableName": "the-table", "ConsoleUrl": "https://console.example.com", "Other": "x"}


class CloudFormation:
    def describe_stacks(self, **asked: str) -> dict[str, list[dict[str, object]]]:
        if asked["StackName"] != "production":
            missing = {"Code": "ValidationError", "Message": f"Stack {asked['StackName']} does not exist"}
            raise ClientError({"Error": missing}, "DescribeStacks")
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in OUTPUTS.items()]}]}


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("HEADGATE_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name in ("HEADGATE_TABLE", "HEADGATE_CONSOLE_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")  # so that what choose_stack sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "client", lambda _: CloudFormation())


def test_a_named_stack_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_STACK", "production")
    choose_stack()
    assert os.environ["HEADGATE_TABLE"] == "the-table"
    assert os.environ["HEADGATE_CONSOLE_URL"] == "https://console.example.com"


def test_a_stack_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_STACK", "nowhere")
    with pytest.raises(NotConfiguredError, match="nowhere"):
        choose_stack()


def test_nothing_configured_says_both_ways() -> None:
    with pytest.raises(NotConfiguredError, match=r"headgate local up(.|\n)*HEADGATE_STACK"):
        choose_stack()
