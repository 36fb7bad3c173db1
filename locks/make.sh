#!/usr/bin/env bash
# Pins, with hashes, what the images are made of: the versions of constraints.txt and what else they
# need on Python 3.13. To be run when pyproject.toml or constraints.txt changes; needs `uv`.
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
    local target=$1 beside=$2
    shift 2
    {
        echo "# Made by locks/make.sh: what the image of the target \`$target\` is made of, and nothing else."
        tr ' ' '\n' <<<"$beside" | uv pip compile pyproject.toml - "$@" --constraint constraints.txt \
            --generate-hashes --universal --python-version 3.13 --no-header --no-annotate --quiet
    } >"locks/$target.new"
    mv "locks/$target.new" "locks/$target.txt"
}

# setuptools builds the wheel of Driftmeter itself, in the image and without a network.
lock collector "setuptools"
lock service "setuptools" --extra service --extra embedded --extra postgres --extra s3
lock service-cuda "setuptools" --extra service --extra embedded --extra postgres --extra s3 --extra gpu
