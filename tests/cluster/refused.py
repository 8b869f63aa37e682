"""What a host without a token gets from a cluster's ports; prints a line of JSON. Runs on the stranger.

`python refused.py HEAD WORKER BUCKET_URL`
"""

import json
import sys
import urllib.error
import urllib.request

import grpc

RPCS = {
    "control service": ("6379", "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"),
    "its key-value store": ("6379", "/ray.rpc.InternalKVGcsService/InternalKVKeys"),
    "Ray client": ("10001", "/ray.rpc.RayletDriver/ClusterInfo"),
    "object manager, read": ("8076", "/ray.rpc.ObjectManagerService/Pull"),
    "object manager, write": ("8076", "/ray.rpc.ObjectManagerService/Push"),
}


def rpc(address: str, method: str) -> str:
    try:
        grpc.insecure_channel(address).unary_unary(method)(b"", timeout=10)
        return "answered"
    except grpc.RpcError as error:
        return error.code().name


def http(url: str, sent: bytes | None = None) -> str:
    try:
        return str(urllib.request.urlopen(url, sent, timeout=10).status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except urllib.error.URLError as error:
        return type(error.reason).__name__


head, worker, bucket = sys.argv[1:]
got = {name: rpc(f"{head}:{port}", method) for name, (port, method) in RPCS.items()}
got["object manager of a worker"] = rpc(f"{worker}:8076", RPCS["object manager, read"][1])
got["dashboard and jobs"] = http(f"http://{head}:8265/api/jobs/")
got["jobs of a worker's agent"] = http(f"http://{worker}:52365/api/jobs/")
got["a job through a worker's agent"] = http(f"http://{worker}:52365/api/job_agent/jobs/", b'{"entrypoint": "id"}')
got["bucket"] = http(f"{bucket}/runs")
print(json.dumps(got))
