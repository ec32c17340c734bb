#!/usr/bin/env bash
# Builds the virtual environment that `make demo` and `make test` use.
#
#   VENV=.venv PYTHON=python3 TORCH=... TORCH_INDEX=... bash tools/dev/install_env.sh
#
# Each step leaves a stamp that holds what it was asked to do, so a second run
# starts in a moment and a changed requirement repeats only its own step.
set -euo pipefail
cd "$(dirname "$0")/../.."

VENV=${VENV:-.venv}
PYTHON=${PYTHON:-python3}
TORCH_VERSION=2.13.0 # the version that the tests and the quoted numbers ran with
stamps="$VENV/stamps"
log="$VENV/install.log"

fail() {
  printf '\nmmdefusion set-up: %s\n' "$1" >&2
  exit 1
}

# step NAME KEY HINT COMMAND...: runs COMMAND unless NAME was done with the same KEY.
step() {
  local name=$1 key=$2 hint=$3
  shift 3
  [ "$(cat "$stamps/$name" 2>/dev/null)" = "$key" ] && return
  echo "==> set-up: $name"
  "$@" || fail "the step '$name' failed. $hint (full output: $log)"
  printf '%s\n' "$key" >"$stamps/$name"
}

pip_install() { "$VENV/bin/python" -m pip install --disable-pip-version-check "$@" 2>&1 | tee -a "$log" | grep -vE '^(Requirement already|Looking in)' || return "${PIPESTATUS[0]}"; }

check_python() {
  "$PYTHON" -c 'import sys; raise SystemExit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
    fail "'$PYTHON' is $("$PYTHON" --version 2>&1 || echo 'not there'); mmdefusion runs on Python 3.10 to 3.12. Name one: make PYTHON=python3.11 ..."
}

make_venv() {
  "$PYTHON" -m venv "$VENV" && mkdir -p "$stamps" && : >"$log"
}

# TORCH names another build; without it, and without a GPU, the CPU build is
# taken where pip can find one (TORCH_INDEX names an index that has it).
install_torch() {
  local index=${TORCH_INDEX:+--index-url $TORCH_INDEX}
  if [ -n "${TORCH:-}" ]; then
    pip_install $index $TORCH # unquoted: several packages may be named
  elif command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then
    pip_install $index "torch==$TORCH_VERSION"
  else
    pip_install $index "torch==$TORCH_VERSION+cpu" 2>/dev/null || pip_install $index "torch==$TORCH_VERSION"
  fi
}

build_mmcv() {
  command -v "${CXX:-c++}" >/dev/null || fail "mmcv's ops need a C++ compiler: install g++ (Debian, Ubuntu: apt-get install g++)."
  "$VENV/bin/python" -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    fail "mmcv's ops need Python's headers (Debian, Ubuntu: apt-get install python3-dev)."
  echo "    mmcv 2.1.0 comes as source: its 77 files take about 6 minutes on 2 cores, once (pip keeps the wheel)."
  local cuda=0
  "$VENV/bin/python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' && cuda=1
  # ninja's [n/77] lines, each over the last one where there is a terminal
  local ending='\n'
  [ -t 1 ] && ending='\r'
  PATH="$PWD/$VENV/bin:$PATH" MMCV_WITH_OPS=1 FORCE_CUDA=$cuda "$VENV/bin/python" -m pip install \
    --disable-pip-version-check -v --no-build-isolation mmcv==2.1.0 2>&1 | tee -a "$log" |
    while IFS= read -r line; do
      [[ $line =~ \[([0-9]+/[0-9]+)\] ]] && printf "    building mmcv: %s$ending" "${BASH_REMATCH[1]}"
    done || true
  [ "${PIPESTATUS[0]}" = 0 ] || return 1
  echo
  "$VENV/bin/python" -c 'import torch, mmcv._ext'
}

install_project() {
  pip_install --no-build-isolation -e '.[toolboxes,tests,lint]'
  # opencv-python wants the desktop's libGL; without one the headless build serves
  "$VENV/bin/python" -c 'import cv2' 2>/dev/null || {
    local version
    version=$("$VENV/bin/python" -c 'from importlib.metadata import version; print(version("opencv-python"))')
    pip_install --force-reinstall --no-deps "opencv-python-headless==$version"
  }
}

network_hint="Is the package registry reachable, and is there disk space left?"
check_python
[ -d "$stamps" ] || make_venv || fail "'$PYTHON -m venv' failed (Debian, Ubuntu: apt-get install python3-venv)."
step build-tools "$(cat requirements/build.txt)" "$network_hint" pip_install -r requirements/build.txt
step torch "${TORCH:-$TORCH_VERSION} ${TORCH_INDEX:-}" "Choose a build with TORCH='torch==...' or an index with TORCH_INDEX=URL." install_torch
step mmcv "2.1.0 with torch ${TORCH:-$TORCH_VERSION}" "A compiler that can build C++17 is needed." build_mmcv
step mmdefusion "$(cat setup.py requirements/*.txt)" "$network_hint" install_project
