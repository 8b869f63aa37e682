"""Resources of the machines that users have: a laptop, one GPU, a node of eight, a cluster for 70 billion
parameters."""

from ray_jobs.resources.resources import Resources
from ray_jobs.resources.weak import WeakSizes
from w2s.errors import closest
from w2s.experiments.overrides import set_fields

LOCAL = Resources(
    min_engines=1,
    max_engines=1,
    gpus_per_engine=0,
    cpus_per_engine=1,
    engine_dtype="float32",
    max_num_seqs=256,
    gpu_gib=24,
    gpu_memory_utilization=0.9,
    cpu_kv_cache_gib=2,
    problems_per_block=100,
    sampling_nodes="",
    workers=1,
    gpus_per_worker=0,
    cpus_per_worker=1,
    train_dtype="float32",
    zero_stage=0,
    micro_batch=4,
    gradient_checkpointing=False,
    training_nodes="",
    save_minutes=1,
    max_failures=1,
)
"""Two CPU cores, models of 2 to 300 million parameters.

Two steps run side by side. An engine and a training each request one core, because both spend much of their time
starting processes, and models this small gain little from a second thread. With two workers the quickstart's trainings
take 179 processor seconds instead of 123, because each imports for itself. For models of 100 million parameters and
more take cpus_per_engine=2 and cpus_per_worker=2.

A token's KV cache in float32 takes 4 layers x 192 x 2 x 4 B = 6 KiB in the quickstart's strong model and 45 KiB in
SmolLM2-135M: 2 GiB hold 256 sequences of 1,365 tokens, or 66 of 700. Each worker holds the whole base: 1.1 GB at 270
million parameters.
"""

ONE_GPU = LOCAL.changed(
    gpus_per_engine=1,
    cpus_per_engine=4,
    engine_dtype="bfloat16",
    gpus_per_worker=1,
    cpus_per_worker=4,
    train_dtype="bfloat16",
    zero_stage=0,
    micro_batch=2,
    gradient_checkpointing=True,
    save_minutes=10,
)
"""One GPU of 24 GB or more, models up to 8 billion parameters: 16 GB of bfloat16 weights; engine and trainer take
turns.

`one-gpu,quantize_base=true` trains adapters beside a base in 4 bits, 6 GB of 8 billion parameters, which leaves room
for longer examples and larger micro batches. The engine holds the base in 16 bits, so a larger model needs a larger
GPU, or several: `one-gpu,gpus_per_engine=2,quantize_base=true` takes 13 billion parameters on two of 24 GB.
"""

NODE_8GPU = ONE_GPU.changed(
    gpu_gib=40,
    max_engines=8,
    cpus_per_engine=8,
    workers=8,
    cpus_per_worker=8,
    zero_stage=3,
    micro_batch=1,
    max_failures=3,
    weak=WeakSizes(zero_stage=0, quantize_base=False),
)
"""One machine with 8 GPUs of 40 GB or more, models up to 13 billion parameters.

26 GB of bfloat16 weights: whole on each GPU of an engine, an eighth on each training worker. A weak model's are whole
on each worker too, because ZeRO-3 takes longer to gather those of 7 billion parameters than to compute with them.
"""

CLUSTER_70B = NODE_8GPU.changed(
    gpu_gib=80,
    max_num_seqs=512,
    max_engines=4,
    gpus_per_engine=4,
    cpus_per_engine=16,
    problems_per_block=64,
    sampling_nodes="sampling",
    training_nodes="training",
    weak=WeakSizes(
        max_engines=4,
        gpus_per_engine=1,
        cpus_per_engine=8,
        workers=4,
        zero_stage=0,
        quantize_base=False,
        micro_batch=2,
        gradient_checkpointing=False,
    ),
)
"""Models of 70 billion parameters on cluster.yaml's 80 GB GPUs: 140 GB of bfloat16 weights.

Engine, 4 GPUs: 140 / 4 = 35 GB of weights on each; 0.9 x 80 - 35 = 37 GB are left, less a few for activations.
Llama-2-70b's KV cache takes 80 layers x 8 heads x 128 x 2 x 2 B = 320 KiB a token, 80 KiB on each GPU: about 400,000
tokens, 512 sequences of 780; vLLM captures CUDA graphs for up to 512. With 40 GB GPUs take gpus_per_engine=8.

Training, 8 workers, ZeRO-3: 140 / 8 = 17.5 GB of weights on each; ZeRO-3 gathers whole layers of 1.7 GB, two at a time;
checkpointed activations of a 2,048-token example take 80 x 2,048 x 8,192 x 2 B = 2.7 GB, of a pair twice that. LoRA of
rank 8 has 0.1 billion parameters: with gradients and Adam's state 1.7 GB over all workers. The paper's global batch of
8 is one example on each worker, so a training step stays on one node, and two steps run side by side on two nodes.
`cluster-70b,workers=16` spreads one step over both nodes, for batches that 16 divides.

A weak model of 2 to 8 billion parameters has 4 to 16 GB of weights, whole on each GPU. An engine's GPU keeps 50 GB for
the KV cache: Llama-2-7b's takes 512 KiB a token, 100,000 tokens. A worker of Llama-2-7b trains 2 examples of 1,024
tokens with all activations in 26 GB. A larger weak model, or one whose weights are all trained, takes
`cluster-70b,weak.workers=8,weak.micro_batch=1,weak.zero_stage=3,weak.gradient_checkpointing=true`.
"""

PRESETS: dict[str, Resources] = {"local": LOCAL, "one-gpu": ONE_GPU, "node-8gpu": NODE_8GPU, "cluster-70b": CLUSTER_70B}


def load_resources(text: str) -> Resources:
    """A preset's name, with changed fields after commas: `cluster-70b`, `local,workers=1`.

    Raises ValueError for an unknown preset or field, a wrong type or a refused value; the message names the rule.
    """
    name, *changes = text.split(",")
    if name not in PRESETS:
        raise ValueError(
            f"there are no resources {name!r}{closest(name, PRESETS)}: choose {', '.join(PRESETS)}, "
            f"changed as in {next(iter(PRESETS))},workers=1"
        )
    return set_fields(PRESETS[name], changes, "--resources", "workers=1")
