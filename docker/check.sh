#!/usr/bin/env bash
# Build the Dockerfile's cpu target without Docker and use it as uid 1000: docker/check.sh (root, 10 GB, minutes)
#
# The steps are the Dockerfile's own (dev/dockerfile.py). Debian bookworm and its Python 3.11 stand in for the base
# image python:3.11-slim; as there, the standard library is not compiled. Docker, its layers and the gpu target are not
# seen.
#
#   MIRROR=URL   Debian's mirror, else debootstrap's own
#   TMPDIR       where the roots are made and removed
# pip is configured as on this machine; folders that its configuration names are mounted read-only while building.
set -euo pipefail
cd "$(dirname "$0")/.."

needed_gb=10
namespaces=(--mount)
say() { echo "check: $*"; }
fail() { echo "check: $*" >&2; exit 2; }
python=.venv/bin/python
[ -x "$python" ] || python=python3

outside() { # checks what is needed, and runs `inside` in namespaces of its own
    local free_kb
    [ "$(id -u)" = 0 ] || fail "root is needed for namespaces and chroot: run it with sudo."
    command -v debootstrap >/dev/null || fail "debootstrap is missing: install it (Debian: apt install debootstrap)."
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/w2s-check.XXXXXX")
    trap clean_up EXIT
    trap 'exit 143' INT TERM
    free_kb=$(df -Pk "$scratch" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge $((needed_gb * 1024 * 1024)) ] ||
        fail "$((free_kb / 1024)) MB are free in ${scratch%/*}, $needed_gb GB are needed: set TMPDIR to a larger disk."
    # A shell's background jobs ignore Ctrl-C, and so would all that they start.
    env --default-signal=INT unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$scratch" &
    child=$!
    wait "$child"
}

clean_up() { # the namespaces' end kills their processes and removes their mounts, which are invisible out here
    # unshare ignores other signals while it waits.
    [ -z "${child:-}" ] || kill -KILL "$child" 2>/dev/null || true
    wait
    rm -rf "$scratch" || { sleep 2; rm -rf "$scratch"; }
}

inside() { # SCRATCH: builds the target, uses it
    scratch=$1
    read_pip_configuration
    "$python" -m dev.build_context "$scratch/context"
    "$python" -m dev.dockerfile cpu "PIP_EXTRA_INDEX_URL=$extra_index" \
        "W2S_COMMIT=$(git rev-parse HEAD 2>/dev/null || true)" >"$scratch/steps"
    start=() health=() container=() # which the steps set
    # shellcheck disable=SC1091
    . "$scratch/steps"
    built=$SECONDS
    try "${start[*]}" "${start[@]}"
    try "w2s env" w2s env
    try "imports of a run, none compiled anew" python -c "$(compiled_anew)"
    try "w2s run: a training, an engine, its scores" w2s run quickstart --store /tmp/store --only test_weak_floor \
        --set problems.train_1=48 problems.train_2=48 problems.test=24 sft.epochs=1
    try "HEALTHCHECK without Ray" "${health[@]}"
    try "HEALTHCHECK beside a Ray head" sh -c \
        "ray start --head --num-cpus=1 --node-ip-address=127.0.0.1 && ${health[*]@Q}"
    say "passed in $SECONDS s, $built of them the build: with Debian's Python 3.11 in place of $base," \
        "${start[*]}, w2s env, a training, an engine and HEALTHCHECK as uid ${container[1]}, nothing compiled anew"
}

compiled_anew() { # prints Python that imports what a run imports, and fails if a module was compiled for it
    cat - dev/imports.py <(echo "driver_and_training(), engine()") <<'PYTHON'
import atexit, os, sys

files = []


@sys.addaudithook
def note(event, values):
    # What a library compiles by itself (cv2 its config.py) or writes to import it (torch, in /tmp) is no matter of the
    # image's.
    if event != "compile":
        return
    caller = sys._getframe(1).f_back  # of importlib's helper
    if caller and caller.f_code.co_name == "source_to_code":
        files.extend(name for name in [str(values[1])] if name.startswith((sys.prefix, sys.base_prefix)))


@atexit.register
def report():
    print(len(files), "modules were compiled, although the image should hold them compiled:", *files[:20])
    sys.stdout.flush()
    os._exit(len(files) > 0)


__name__ = "check"  # so that what follows imports nothing in other processes
PYTHON
}

read_pip_configuration() { # sets `pip` (variables, with proxies), `extra_index` and `mounts`, the paths in their values
    local line name value word
    pip=() mounts=() extra_index=""
    # The environment's come first and hold.
    while IFS= read -r line; do
        name=${line%%=*} value=${line#*=}
        name=${name##*.} name=PIP_${name//-/_} name=${name^^}
        value=${value#\'} value=${value%\'} value=${value//\\n/ }
        [[ " ${pip[*]%%=*} " = *" $name "* ]] && continue
        # The Dockerfile takes this one as a build argument.
        if [ "$name" = PIP_EXTRA_INDEX_URL ]; then extra_index=$value; else pip+=("$name=$value"); fi
        for word in $value; do
            # The packages of an index in a folder lie beside it.
            [[ $word != file:///*/* ]] || { word=${word#file://}; word=${word%/*}; }
            [[ $word != /* || ! -e $word ]] || mounts+=("$word")
        done
    done < <("$python" -m pip config list)
    for name in http_proxy https_proxy no_proxy; do
        [ -z "${!name:-}" ] || pip+=("$name=${!name}")
    done
}

# What the steps call. A stage's root is $scratch/STAGE.

base_root() { # IMAGE STAGE
    base=$1
    timed "debootstrap in place of $1" \
        debootstrap --variant=minbase --include=ca-certificates bookworm "$scratch/$2" ${MIRROR:+"$MIRROR"}
    # debootstrap does not resolve what python3.11-venv depends on.
    build "" "$2" 0 / PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "apt-get update && apt-get install --yes \
        --no-install-recommends netbase tzdata python3.11-dev python3.11-venv && rm -rf /var/lib/apt/lists/*"
    find "$scratch/$2/usr/lib/python3.11" -name '*.pyc' -delete
    ln -s python3.11 "$scratch/$2/usr/bin/python"
}
copy_root() { cp -a "$scratch/$1" "$scratch/$2"; } # STAGE NEW-STAGE
take_root() { mv "$scratch/$1" "$scratch/$2"; }    # STAGE NEW-STAGE, where nothing else needs STAGE
copy() { put "$scratch/context/$1" "$scratch/$2$3" --preserve=mode,timestamps; } # SOURCE STAGE DESTINATION
copy_from() { put "$scratch/$1$2" "$scratch/$3$4" --archive --link; } # FROM-STAGE SOURCE STAGE DESTINATION
put() { mkdir -p "$(dirname "$2")" && cp --recursive --no-target-directory "$3" ${4:+"$4"} "$1" "$2"; }

build() { # CACHES STAGE USER FOLDER NAME=VALUE ... COMMAND ...
    local caches=$1
    shift
    timed "RUN ${*: -1}" enter "$caches:${mounts[*]}" "$1" "$2" "$3" "${pip[@]}" "${@:4}"
}

try() { # TITLE COMMAND ...: in a container of the target, which reaches no network
    local namespaces=(--mount --net)
    timed "uid ${container[1]}: $1" enter : "${container[@]}" "${@:2}"
}

timed() { # TITLE COMMAND ...: its output only where it fails
    local began=$SECONDS title=$1
    shift
    if ! "$@" >"$scratch/log" 2>&1 </dev/null; then
        tail -n 40 "$scratch/log" >&2
        fail "failed: $title"
    fi
    say "$((SECONDS - began)) s  $title"
}

enter() { # CACHES:MOUNTS STAGE USER FOLDER NAME=VALUE ... COMMAND ...
    local root=$scratch/$2 home
    home=$(awk -F: -v uid="$3" '$3 == uid { print $6 }' "$root/etc/passwd")
    export -f mount_all loopback
    export python
    # shellcheck disable=SC2016
    unshare "${namespaces[@]}" bash -euc 'mount_all "${@:2:3}"; [[ $1 != *--net* ]] || loopback; exec "${@:5}"' \
        _ "${namespaces[*]}" "$root" "$scratch" "$1" \
        chroot --userspec="$3" "$root" env -i -C "$4" "HOME=$home" "${@:5}"
}

loopback() { # a new network namespace has it, and it is down
    "$python" -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP'
}

mount_all() { # ROOT SCRATCH CACHES:MOUNTS; a mount namespace's end removes them. /dev/shm is as small as Docker's
    local root=$1 name path
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/shm" "$root/dev/pts"
    mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for name in null zero full random urandom tty; do
        touch "$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name"
    done
    for path in /etc/resolv.conf /etc/hosts; do
        touch "$root$path" && mount --bind "$path" "$root$path"
    done
    for path in ${3#*:}; do
        if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$root${path%/*}" && touch "$root$path"; fi
        mount --bind -o ro "$path" "$root$path"
    done
    for path in ${3%%:*}; do
        mkdir -p "$root$path" "$2/cache$path"
        mount --bind "$2/cache$path" "$root$path"
    done
}

if [ "${1:-}" = --inside ]; then inside "$2"; else outside; fi
