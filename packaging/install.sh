#!/usr/bin/env bash
# Installs gridmap from the files beside this script, with no network and no index.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-"$here/gridmap-env"}
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || { echo "Install Python 3.11 first, or name yours: PYTHON=python3 $0" >&2; exit 2; }
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --no-index --find-links "$here" "$here"/gridmap-*.whl
echo "gridmap is installed. Start it with: $target/bin/gridmap app"
