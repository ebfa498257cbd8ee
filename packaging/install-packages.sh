#!/usr/bin/env bash
# Install gridmap and its dependencies into a virtual environment: with uv if it is installed or can
# be installed from the package index, otherwise with pip. Usage: install-packages.sh BIN REQUIREMENT
set -u
bin=$1
requirement=$2
constraints=(--constraint constraints.txt)

find_uv() {
    command -v uv && return
    [ -x "$bin/uv" ] || "$bin/python" -m pip install --quiet --no-cache-dir uv >/dev/null 2>&1
    [ -x "$bin/uv" ] && echo "$bin/uv"
}

# uv does not read pip's configuration: hand over the index that pip was told to use.
index=$("$bin/python" -m pip config get global.index-url 2>/dev/null) || index=
[ -n "${UV_DEFAULT_INDEX:-}" ] || [ -z "$index" ] || export UV_DEFAULT_INDEX=$index
export SSL_CERT_FILE=${SSL_CERT_FILE:-${PIP_CERT:-}}
[ -n "$SSL_CERT_FILE" ] || unset SSL_CERT_FILE

echo "Installing $requirement and the packages it needs (about 400 MB) ..."
if uv=$(find_uv) && [ -n "$uv" ]; then
    if [ "$uv" = "$bin/uv" ]; then
        # A uv of ours keeps its cache in the environment, whose files are links to it: nothing is
        # copied, and nothing is left in the home folder.
        export UV_CACHE_DIR=$bin/../.cache UV_LINK_MODE=hardlink
    else
        export UV_LINK_MODE=${UV_LINK_MODE:-copy}
    fi
    "$uv" pip install --python "$bin/python" "${constraints[@]}" --editable "$requirement" && exit 0
    echo "uv did not finish; installing with pip instead ..."
fi
"$bin/python" -u -m pip install "${constraints[@]}" --editable "$requirement" |
    while read -r first second _; do
        case $first in
            Collecting) echo "  $second" ;;
            Installing) echo "Unpacking them, a minute or so ..." ;;
        esac
    done
exit "${PIPESTATUS[0]}"
