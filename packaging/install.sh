#!/usr/bin/env bash
# 用旁边的文件安装 gridmap，不用网络。
# Installs gridmap from the files beside this script, with no network and no index.
#
#     bash install.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-"$here/gridmap-env"}
wanted=$(basename "$here"/numpy-*.whl | sed 's/.*-cp3\([0-9]*\)-cp3.*/3.\1/')
python=${PYTHON:-python$wanted}
if [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" != "$wanted" ]; then
    echo "请先安装 Python $wanted；装在别处时：PYTHON=路径 bash $0" >&2
    echo "Install Python $wanted first, or name yours: PYTHON=path bash $0" >&2
    exit 2
fi
echo "正在安装，约一两分钟…… Installing; a minute or two ..."
"$python" -m venv "$target"
# This also upgrades an older installation: every package of this folder is installed anew.
# A file whose hash differs from the collected one is refused.
"$target/bin/python" -m pip install --quiet --no-index --force-reinstall \
    --find-links "$here" --require-hashes -r "$here/requirements.txt"
"$target/bin/gridmap" warm
echo "gridmap 已装好，启动：\"$target/bin/gridmap\" app"
echo "gridmap is installed. Start it with: \"$target/bin/gridmap\" app"
