#!/usr/bin/env bash
# Installs cyberimpact from the folder of this script (`make wheel` fills it), or replaces the version that is there:
#
#   ./install.sh /opt/cyberimpact
#
# It makes two environments, .venv and .venv-superset, of exactly what the locks name, with their hashes, and puts the wheel
# into the first. Nothing else of the machine changes; settings and data lie elsewhere (`cyberimpact init`). Behind a proxy or
# with an index of your own: HTTPS_PROXY, PIP_INDEX_URL, UV_DEFAULT_INDEX; the authorities are those of the machine. PYTHON and
# SUPERSET_PYTHON name other Pythons.
set -euo pipefail

[ $# = 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
umask 022 # another account runs what root installs
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

fail() {
	echo "$1" >&2
	exit 1
}

# The first Python, of those that are named, for whose version an expression holds.
python_where() {
	local expression=$1 python
	shift
	for python in "$@"; do
		"$python" -c "import sys, venv, ensurepip; sys.exit(not ($expression))" 2>/dev/null && echo "$python" && return
	done
	return 1
}

python=$(python_where "(3, 11) <= sys.version_info[:2] <= (3, 13)" ${PYTHON:-} python3.12 python3.11 python3.13 python3) ||
	fail "Python 3.11, 3.12 or 3.13 with venv is needed: apt-get install python3-venv, or set PYTHON."
superset_python=$(python_where "(3, 11) <= sys.version_info[:2] <= (3, 12)" ${SUPERSET_PYTHON:-} python3.12 python3.11) ||
	fail "Superset needs Python 3.11 or 3.12: install it, or set SUPERSET_PYTHON."
[ "$(df -Pk . | awk 'NR == 2 {print $4}')" -gt 5000000 ] || fail "The environments need 5 GB, which $PWD has not."
wheels=("$here"/cyberimpact-*.whl)
[ -e "${wheels[0]}" ] && [ ${#wheels[@]} = 1 ] || fail "One wheel of cyberimpact must lie beside this script."

[ -x .uv/bin/python ] || "$python" -m venv .uv
.uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$here/uv.lock"
[ -x .venv/bin/python ] || "$python" -m venv --without-pip .venv
[ -x .venv-superset/bin/python ] || "$superset_python" -m venv --without-pip .venv-superset

export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}
install() {
	VIRTUAL_ENV=$PWD/$1 .uv/bin/uv pip "${@:2}"
}
echo "The platform: installing into $PWD/.venv" >&2
install .venv sync --quiet --compile-bytecode --require-hashes "$here/platform.lock"
install .venv install --quiet --compile-bytecode --no-deps "${wheels[0]}"
echo "Superset: installing into $PWD/.venv-superset" >&2
install .venv-superset sync --quiet --compile-bytecode --require-hashes "$here/superset.lock"

echo "Installed. Next: $PWD/.venv/bin/cyberimpact init /srv/cyberimpact"
