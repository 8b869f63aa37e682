#!/usr/bin/env bash
# Install the Debian packages of missing programs: dev/debian.sh PROGRAM:PACKAGE ...
# As root where apt-get exists; anywhere else it only says what is missing, because tests that need it are then skipped.
set -euo pipefail

packages=()
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
done
[ ${#packages[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "debian: missing ${packages[*]}; the tests that need them are skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1; }
install || { apt-get update -qq && install; } ||
    echo "debian: apt-get cannot install ${packages[*]}; the tests that need them are skipped" >&2
