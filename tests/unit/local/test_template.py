"""Templates are read with CloudFormation's short forms, and only their local paths are changed."""

import copy

import pytest
import yaml

from headgate_local.template import (
    Artifact,
    ArtifactKind,
    S3Location,
    artifacts,
    declared,
    read_template,
    with_locations,
)

TEMPLATE = """
Parameters:
  ConsoleUrl: {Type: String}
Globals:
  Function: {Runtime: python3.13, CodeUri: functions/all/}
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/core/}}
  One:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/one/
      Role: !GetAtt Role.Arn
      Environment: {Variables: {URL: !Ref ConsoleUrl, NAME: !Sub "${AWS::StackName}-x"}}
  Two: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/one/}}
  Packaged: {Type: AWS::Serverless::Function, Properties: {CodeUri: {Bucket: b, Key: k}}}
  Inherits: {Type: AWS::Serverless::Function}
  Machine: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: machine.asl.yaml}}
  Bucket: {Type: AWS::S3::Bucket, Condition: Wanted}
Conditions:
  Wanted: !Not [!Equals [!Ref ConsoleUrl, ""]]
"""
FOUND = [
    Artifact(ArtifactKind.CODE, "functions/all/"),
    Artifact(ArtifactKind.LAYER, "layers/core/"),
    Artifact(ArtifactKind.CODE, "functions/one/"),
    Artifact(ArtifactKind.DEFINITION, "machine.asl.yaml"),
]


def test_short_forms_are_read_as_functions() -> None:
    template = read_template(TEMPLATE)
    properties = template["Resources"]["One"]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert properties["Environment"]["Variables"] == {
        "URL": {"Ref": "ConsoleUrl"},
        "NAME": {"Fn::Sub": "${AWS::StackName}-x"},
    }
    assert template["Conditions"]["Wanted"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ConsoleUrl"}, ""]}]}


def test_a_template_cannot_make_python_objects() -> None:
    with pytest.raises(yaml.constructor.ConstructorError):
        read_template("a: !!python/object/apply:os.getcwd []\n")


def test_local_paths_are_found_once_each() -> None:
    assert artifacts(read_template(TEMPLATE)) == FOUND


def test_local_paths_become_locations_and_nothing_else_changes() -> None:
    template = read_template(TEMPLATE)
    before = copy.deepcopy(template)
    locations = {artifact: S3Location("deploy", artifact.path) for artifact in FOUND}
    packaged = with_locations(template, locations)
    resources = packaged["Resources"]
    assert template == before
    assert packaged["Globals"]["Function"]["CodeUri"] == {"Bucket": "deploy", "Key": "functions/all/"}
    assert resources["Two"]["Properties"]["CodeUri"] == {"Bucket": "deploy", "Key": "functions/one/"}
    assert resources["Packaged"] == before["Resources"]["Packaged"]
    assert resources["Machine"]["Properties"]["DefinitionUri"] == {
        "Bucket": "deploy",
        "Key": "machine.asl.yaml",
    }
    assert resources["Bucket"] == before["Resources"]["Bucket"]


def test_a_path_that_was_not_uploaded_is_an_error() -> None:
    with pytest.raises(KeyError):
        with_locations(read_template(TEMPLATE), {})


def test_only_declared_parameters_are_passed() -> None:
    given = {"ConsoleUrl": "http://127.0.0.1:8080", "Other": "x"}
    assert declared(read_template(TEMPLATE), given) == {"ConsoleUrl": "http://127.0.0.1:8080"}
    assert declared({}, given) == {}
