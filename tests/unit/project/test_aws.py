"""docker/aws.yaml against cfn-lint's rules, and its stack on moto: what it makes is what cluster.yaml's nodes need."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

TEMPLATE = ROOT / "docker/aws.yaml"
REGION = "us-east-1"
CLUSTER: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
ROLES = {"w2s-head": "HeadRole", "w2s-worker": "WorkerRole"}


class Tags(yaml.SafeLoader):
    """Reads CloudFormation's !Ref, !Sub and others as their arguments."""


Tags.add_multi_constructor("!", lambda loader, _, node: getattr(node, "value", node))


def lint(text: str, folder: Path) -> str:
    """What cfn-lint prints about a template."""
    (folder / "template.yaml").write_text(text)
    program = Path(sys.executable).parent / "cfn-lint"
    return subprocess.run([program, folder / "template.yaml"], capture_output=True, text=True).stdout


@pytest.mark.slow
def test_cfn_lint_has_no_complaint(tmp_path: Path) -> None:
    pytest.importorskip("cfnlint", reason="cfn-lint is not installed")
    text = TEMPLATE.read_text()
    assert lint(text, tmp_path) == ""
    assert "E3012" in lint(text.replace("ScanOnPush: true", "ScanOnPush: sometimes"), tmp_path), "the linter lints"


@pytest.fixture(scope="module")
def stack() -> Iterator[dict[str, Any]]:
    """The outputs of a stack on moto's AWS, and clients of its services."""
    moto = pytest.importorskip("moto", reason="moto is not installed")
    import boto3

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with moto.mock_aws():
            session = boto3.Session(region_name=REGION)
            formation = session.client("cloudformation")
            formation.create_stack(
                StackName="w2s",
                TemplateBody=TEMPLATE.read_text(),
                Parameters=[{"ParameterKey": "Bucket", "ParameterValue": "runs"}],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            (made,) = formation.describe_stacks(StackName="w2s")["Stacks"]
            outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
            yield {"outputs": outputs} | {name: session.client(name) for name in ("ec2", "iam", "ecr")}


@pytest.mark.slow
def test_its_output_is_cluster_yaml_s_metadata(stack: dict[str, Any]) -> None:
    metadata = yaml.safe_load(stack["outputs"]["Metadata"])
    assert metadata.pop("repository").endswith(f".dkr.ecr.{REGION}.amazonaws.com/w2s")
    assert metadata.keys() | {"ami", "image"} == CLUSTER["metadata"].keys()
    anchors = "region: &region", "subnets: &subnets", "security_group: &security_group"
    assert all(anchor in stack["outputs"]["Metadata"] for anchor in anchors), "cluster.yaml refers to these values"
    subnets = stack["ec2"].describe_subnets(SubnetIds=metadata["subnets"])["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 3
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


@pytest.mark.slow
def test_only_members_reach_the_nodes(stack: dict[str, Any]) -> None:
    group = yaml.safe_load(stack["outputs"]["Metadata"])["security_group"]
    (rule,) = stack["ec2"].describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert rule["IpProtocol"] == "-1" and not rule["IpRanges"] and not rule["Ipv6Ranges"]
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group]


def test_nodes_have_the_profiles_that_cluster_yaml_names(stack: dict[str, Any]) -> None:
    nodes = CLUSTER["available_node_types"].values()
    named = {node["node_config"]["IamInstanceProfile"]["Name"] for node in nodes}
    for name in named:  # moto attaches no policies of another account, so they are read from the template
        stack["iam"].get_instance_profile(InstanceProfileName=name)
    roles = yaml.load(TEMPLATE.read_text(), Tags)["Resources"]
    policies = {name: str(roles[role]["Properties"]["ManagedPolicyArns"]) for name, role in ROLES.items()}
    assert named == policies.keys()
    assert all("Store" in each and "AmazonEC2ContainerRegistryReadOnly" in each for each in policies.values())
    assert "AmazonSSMManagedInstanceCore" in policies["w2s-head"], "ssh goes through Systems Manager"
