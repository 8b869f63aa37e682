"""docker/kuberay.yaml against the fields of KubeRay's RayJob and of pods that it uses, and against the presets."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ray_jobs.resources.presets import PRESETS
from ray_jobs.resources.requests import NODE_LABEL, resource_request_on_one_node

ROOT = Path(__file__).parents[3]
JOB: dict[str, Any] = yaml.safe_load((ROOT / "docker/kuberay.yaml").read_text())
SPEC = JOB["spec"]
CLUSTER = SPEC["rayClusterSpec"]


def fields(required: str = "", **properties: Any) -> dict[str, Any]:
    """The schema of an object with these fields and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": schema}


TEXT, COUNT, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
STRINGS = {"type": "object", "additionalProperties": TEXT}
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
QUANTITIES = {
    "type": "object",
    "additionalProperties": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|[KMGTP]i?)?$"},
}
POD = fields(
    "containers",
    serviceAccountName=NAME,
    securityContext=fields(runAsUser=COUNT, runAsGroup=COUNT, fsGroup=COUNT, runAsNonRoot=FLAG),
    nodeSelector=STRINGS,
    tolerations=many(fields("operator", key=TEXT, operator={"enum": ["Exists", "Equal"]}, value=TEXT, effect=TEXT)),
    containers=many(
        fields(
            "name image",
            name=NAME,
            image=TEXT,
            env=many(fields("name value", name=TEXT, value=TEXT)),
            resources=fields(requests=QUANTITIES, limits=QUANTITIES),
            volumeMounts=many(fields("name mountPath", name=NAME, mountPath=TEXT)),
        )
    ),
    volumes=many(fields("name emptyDir", name=NAME, emptyDir=fields(medium={"enum": ["", "Memory"]}, sizeLimit=TEXT))),
)
GROUP = {"rayStartParams": STRINGS, "template": fields("spec", spec=POD), "labels": STRINGS}
RAY_CLUSTER = fields(
    "headGroupSpec rayVersion",
    rayVersion=TEXT,
    authOptions=fields("mode", mode={"enum": ["disabled", "token"]}),
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=fields(version={"enum": ["v1", "v2"]}, idleTimeoutSeconds=COUNT),
    headGroupSpec=fields("rayStartParams template", **GROUP),
    workerGroupSpecs=many(
        fields(
            "groupName minReplicas maxReplicas rayStartParams template",
            groupName=NAME,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            **GROUP,
        )
    ),
)
RAY_JOB = fields(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=fields("name", name=NAME),
    spec=fields(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        backoffLimit=COUNT,
        shutdownAfterJobFinishes=FLAG,
        ttlSecondsAfterFinished=COUNT,
        rayClusterSpec=RAY_CLUSTER,
    ),
)


def test_it_has_the_fields_of_a_ray_job() -> None:
    jsonschema.validate(JOB, RAY_JOB)


@pytest.mark.parametrize(
    "change",
    [{"entryPoint": "x"}, {"backoffLimit": "2"}, {"rayClusterSpec": CLUSTER | {"authOptions": {"mode": "on"}}}],
)
def test_the_schema_refuses_other_fields(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(JOB | {"spec": SPEC | change}, RAY_JOB)


def test_it_is_this_rays_with_a_token_and_labels() -> None:
    import ray

    assert CLUSTER["rayVersion"] == ray.__version__ and CLUSTER["authOptions"] == {"mode": "token"}
    assert CLUSTER["enableInTreeAutoscaling"] and CLUSTER["autoscalerOptions"]["version"] == "v2"
    for pod in [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]:
        spec = pod["template"]["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsUser"] == 1000 and spec["securityContext"]["runAsNonRoot"]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounted) == {volume["name"] for volume in spec["volumes"]}
        assert mounted["shm"] == "/dev/shm"
        assert pod["rayStartParams"]["object-spilling-directory"].startswith(mounted["disk"])
        environment = {variable["name"]: variable["value"] for variable in container["env"]}
        assert all(environment[name].startswith(mounted["disk"]) for name in ("W2S_CACHE", "HF_HOME"))


@pytest.mark.parametrize("kind", ["sample", "finetune"])
def test_its_groups_hold_what_the_preset_asks_for(kind: str) -> None:
    assert "--resources cluster-70b" in SPEC["entrypoint"]
    preset = PRESETS["cluster-70b"]
    wanted = preset.sampling_nodes if kind == "sample" else preset.training_nodes
    (group,) = [group for group in CLUSTER["workerGroupSpecs"] if group["labels"] == {NODE_LABEL: wanted}]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    request = resource_request_on_one_node(preset, kind)
    assert int(limits["nvidia.com/gpu"]) >= request["GPU"] and int(limits["cpu"]) >= request["CPU"]
