"""cluster.yaml against Ray's schema, its defaults and its AWS provider, which runs on moto's EC2."""

import copy
import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from ray_jobs.resources.presets import PRESETS
from ray_jobs.resources.requests import GPUS_PER_NODE, NODE_LABEL
from ray_jobs.resources.resources import Resources

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "cluster.yaml").read_text()
CONFIG: dict[str, Any] = yaml.safe_load(TEXT)
NODES: dict[str, Any] = CONFIG["available_node_types"]


def prepared(config: dict[str, Any] = CONFIG) -> dict[str, Any]:
    from ray.autoscaler._private.util import prepare_config, validate_config

    result = prepare_config(copy.deepcopy(config))
    validate_config(result)
    return result


def test_it_passes_rays_schema() -> None:
    config = prepared()
    assert config["head_node_type"] == "head" and NODES["head"]["resources"]["GPU"] == 0
    assert config["available_node_types"]["head"]["max_workers"] == 0
    workers = {name: node for name, node in NODES.items() if name != "head"}
    assert all(node["min_workers"] == 0 and node["max_workers"] > 0 for node in workers.values())
    assert config["max_workers"] == sum(node["max_workers"] for node in workers.values())


def test_the_schema_check_checks() -> None:
    with pytest.raises(Exception, match="idle_minutes"):
        prepared(CONFIG | {"idle_minutes": 5})


def test_rays_defaults_are_overridden() -> None:
    config = prepared()
    assert config["provider"]["cache_stopped_nodes"] is False
    assert config["setup_commands"] == config["head_setup_commands"] == config["worker_setup_commands"] == []
    assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    (head,) = [command for command in config["head_start_ray_commands"] if "--head" in command]
    assert "--dashboard-host=127.0.0.1" in head
    assert "--env RAY_worker_niceness=0" in config["docker"]["run_options"], "Ray runs its workers at nice 15"
    assert list(config["file_mounts"]) == ["~/.ray/auth_token"]
    for node in NODES.values():
        assert node["node_config"]["IamInstanceProfile"] and "InstanceMarketOptions" not in node["node_config"]
        (disk,) = node["node_config"]["BlockDeviceMappings"]
        assert disk["Ebs"]["VolumeSize"] >= 2 * 140 + 20 and disk["Ebs"]["Encrypted"]


def test_the_hubs_token_is_mounted_where_it_is_looked_for() -> None:
    from huggingface_hub import constants

    line = "  # ~/.cache/huggingface/token: ~/.cache/huggingface/token\n"
    config = prepared(yaml.safe_load(TEXT.replace(line, line.replace("# ", ""))))
    ((there, here),) = (config["file_mounts"].items() - CONFIG["file_mounts"].items()) or [("", "")]
    assert there == here == "~/.cache/huggingface/token"
    assert Path(constants.default_home, "huggingface", "token") == Path(here).expanduser()


def test_everything_is_pinned() -> None:
    assert re.fullmatch(r"[\w.-]+/w2s:[\w.-]+-gpu@sha256:[0-9a-f]{64}", CONFIG["docker"]["image"])
    for node in NODES.values():
        assert re.fullmatch(r"ami-[0-9a-f]{17}", node["node_config"]["ImageId"])
    assert f"Ray {version('ray')}" in TEXT
    assert not re.search(r":latest|nightly\.whl|\.whl", TEXT)


def test_all_values_to_fill_in_are_in_one_place() -> None:
    before, _, rest = TEXT.partition("\nmax_workers:")
    assert rest and not re.search(r"0{12}", rest), "a value to fill in is below metadata"
    assert re.search(r"0{12}", before)


DISKS = "/dev/nvme0n1 Amazon Elastic Block Store\n/dev/nvme1n1 Amazon EC2 NVMe Instance Storage\n"


@pytest.mark.parametrize(
    ("mounted", "disks", "expected"),
    [
        ([], "/dev/nvme0n1 Amazon Elastic Block Store\n", []),
        ([], DISKS, ["mdadm --raid-devices=1 /dev/nvme1n1", "mkfs.ext4", "mount /dev/md0 /mnt/w2s"]),
        (
            [],
            DISKS + DISKS.splitlines()[1].replace("1n1", "2n1"),
            ["mdadm --raid-devices=2 /dev/nvme1n1 /dev/nvme2n1", "mkfs.ext4", "mount /dev/md0 /mnt/w2s"],
        ),
        (["/opt/dlami/nvme"], DISKS, ["mount --bind /opt/dlami/nvme /mnt/w2s"]),
        (["/mnt/w2s"], DISKS, []),  # the launcher runs its commands again
    ],
)
def test_the_nodes_disks_are_used(mounted: list[str], disks: str, expected: list[str], tmp_path: Path) -> None:
    """The first initialization command, with programs that only log what they are asked for."""
    programs = {
        "sudo": f'[[ $1 =~ ^(mkdir|chown|chmod)$ ]] || echo "$@" >> {tmp_path}/log',
        "mountpoint": f'case "$2" in {"|".join(mounted) or "none"}) exit 0;; esac; exit 1',
        "lsblk": f"printf {disks!r}",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.defpath}"}
    subprocess.run(["bash", "-c", CONFIG["initialization_commands"][0]], env=environment, check=True)
    logged = (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []
    kept = [re.sub(r" --create /dev/md0 --run --force --level=0| -q /dev/md0", "", line) for line in logged]
    assert kept == expected


def test_caches_and_spilled_objects_are_on_that_disk() -> None:
    options, commands = CONFIG["docker"]["run_options"], CONFIG["head_start_ray_commands"]
    assert "--volume /mnt/w2s:/mnt/w2s" in options and "--env W2S_CACHE=/mnt/w2s/cache" in options
    assert "--env HF_HOME=/mnt/w2s/huggingface" in options
    started = [line for line in (*commands, *CONFIG["worker_start_ray_commands"]) if "ray start" in line]
    assert all("--object-spilling-directory=/mnt/w2s/spill" in line for line in started)


@pytest.mark.slow
def test_ray_on_aws_opens_nothing_and_launches_every_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's AWS provider creates a security group with SSH from everywhere unless every node type names a group."""
    moto = pytest.importorskip("moto")
    import boto3

    monkeypatch.setenv("HOME", str(tmp_path))  # Ray writes the key pair it makes to ~/.ssh
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        region = CONFIG["provider"]["region"]
        ec2 = boto3.client("ec2", region_name=region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]][:2]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for number, zone in enumerate(zones)
        ]
        group = ec2.create_security_group(GroupName="w2s", Description="w2s", VpcId=vpc)["GroupId"]
        own = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=own)
        iam = boto3.client("iam")
        for node in NODES.values():
            profile = node["node_config"]["IamInstanceProfile"]["Name"]
            if profile not in {one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]}:
                iam.create_instance_profile(InstanceProfileName=profile)
        image = ec2.describe_images()["Images"][0]["ImageId"]
        meta = CONFIG["metadata"]
        text = TEXT.replace(meta["security_group"], group).replace(meta["ami"], image)
        for placeholder, subnet in zip(meta["subnets"], subnets, strict=True):
            text = text.replace(placeholder, subnet)
        groups = len(ec2.describe_security_groups()["SecurityGroups"])

        from ray.autoscaler._private.aws.config import bootstrap_aws
        from ray.autoscaler._private.aws.node_provider import AWSNodeProvider

        config = bootstrap_aws(prepared(yaml.safe_load(text)))
        provider = AWSNodeProvider(config["provider"], config["cluster_name"])
        for name, node in config["available_node_types"].items():
            provider.create_node(node["node_config"], {"ray-node-type": name}, 1)

        assert len(ec2.describe_security_groups()["SecurityGroups"]) == groups, "Ray made a security group of its own"
        rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        assert all(not rule["IpRanges"] and not rule.get("Ipv6Ranges") for rule in rules)
        instances = [
            one for reservation in ec2.describe_instances()["Reservations"] for one in reservation["Instances"]
        ]
        assert {one["InstanceType"] for one in instances} == {
            node["node_config"]["InstanceType"] for node in NODES.values()
        }
        assert {one["SubnetId"] for one in instances} <= set(subnets)
        assert all(one["IamInstanceProfile"]["Arn"].endswith(("/w2s-head", "/w2s-worker")) for one in instances)
        assert all("PublicIpAddress" not in one and "InstanceLifecycle" not in one for one in instances)
        assert all([one["GroupId"] for one in instance["SecurityGroups"]] == [group] for instance in instances)


def fits(resources: dict[str, int], label: str) -> bool:
    """Whether one worker type with the label has room for this much on one node."""
    return any(
        node.get("labels", {}).get(NODE_LABEL, "") == label or not label
        for name, node in NODES.items()
        if name != "head" and all(node["resources"].get(key, 0) >= value for key, value in resources.items())
    )


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.gpus_per_engine])
def test_each_gpu_preset_finds_its_nodes(name: str) -> None:
    preset: Resources = PRESETS[name]
    assert fits({"CPU": preset.cpus_per_engine, "GPU": preset.gpus_per_engine}, preset.sampling_nodes)
    assert preset.workers * preset.gpus_per_worker <= GPUS_PER_NODE
    assert fits(
        {"CPU": preset.workers * preset.cpus_per_worker, "GPU": preset.workers * preset.gpus_per_worker},
        preset.training_nodes,
    )
