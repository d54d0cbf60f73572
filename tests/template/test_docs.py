"""docs/deploy.md and docs/iam.md against the template, and the runner's image against what it must agree with."""

from __future__ import annotations

import inspect
import re

import pytest

from headgate.settings import OUTPUTS, PREFIX, Settings
from tests.template.cloudformation import ROOT, function_folders, template

DEPLOY = (ROOT / "docs" / "deploy.md").read_text()
IAM = (ROOT / "docs" / "iam.md").read_text()
DOCKERFILE = (ROOT / "runner" / "Dockerfile").read_text()


@pytest.mark.parametrize("name", sorted(template().data["Parameters"]))
def test_every_parameter_is_explained(name: str) -> None:
    assert f"`{name}`" in DEPLOY


def test_every_setting_is_an_output_that_exists() -> None:
    known = {
        PREFIX + name.upper() for name, _ in inspect.getmembers(Settings, lambda m: isinstance(m, property))
    }
    assert known <= set(OUTPUTS)
    assert set(OUTPUTS.values()) <= set(template().data["Outputs"])
    assert set(re.findall(r"output (\w+)\)", DEPLOY)) <= set(template().data["Outputs"])


def test_every_alarm_says_where_to_look() -> None:
    for alarm in template().of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmName"].replace("headgate-", "`<stack>-") + "`" in DEPLOY


def test_secrets_never_stand_on_a_command_line() -> None:
    given = re.findall(r"--secret-string (\S+)", DEPLOY)
    assert given
    assert all(value.startswith("file://") for value in given)


def test_every_functions_rights_are_in_words() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", IAM, re.MULTILINE)) == set(function_folders())


@pytest.mark.parametrize("page", [DEPLOY, IAM], ids=["deploy", "iam"])
def test_files_that_are_named_exist(page: str) -> None:
    named = re.findall(r"`((?:tests|runner|layers|statemachine)/[\w./-]+)`", page)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


# The image cannot be built here; these are the points where it could disagree with the rest.


def test_the_image_installs_what_is_pinned_and_nothing_else() -> None:
    (install,) = re.findall(r"pip install .*", DOCKERFILE)
    assert "--require-hashes" in install
    assert install.endswith("-r /opt/headgate/requirements.txt")
    assert "COPY runner/requirements.txt /opt/headgate/requirements.txt" in DOCKERFILE


def test_the_image_runs_the_runner_as_nobody_in_particular() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert "headgate_runner.entrypoint import main" in DOCKERFILE
    assert (ROOT / "runner" / "headgate_runner" / "entrypoint.py").exists()


def test_the_image_writes_where_the_container_may() -> None:
    (definition,) = template().of_type("AWS::ECS::TaskDefinition").values()
    (mount,) = definition["ContainerDefinitions"][0]["MountPoints"]
    assert f"VOLUME {mount['ContainerPath']}\n" in DOCKERFILE
    assert f"HOME={mount['ContainerPath']} TMPDIR={mount['ContainerPath']} " in DOCKERFILE


def test_the_image_has_the_tag_that_the_template_expects() -> None:
    tag = template().data["Parameters"]["RunnerTag"]["Default"]
    assert f'-t "$REPOSITORY:{tag}"' in DEPLOY
    assert f'version = "{tag}"' in (ROOT / "pyproject.toml").read_text()


def test_everything_copied_is_let_into_the_build() -> None:
    ignored = (ROOT / "runner" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)
    assert ignored[0] == "*"
    assert {f"!{path}" for path in copied} == {line for line in ignored if line.startswith("!")}
