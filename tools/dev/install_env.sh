#!/usr/bin/env bash
# Builds the virtual environment that `make demo` and `make test` use.
#
#   VENV=.venv PYTHON=python3 TORCH=... TORCH_INDEX=... LOCK=... bash tools/dev/install_env.sh
#
# LOCK is a file of requirements/locks: those versions, and no file whose hash is
# another one. Without it pip takes what fits requirements/*.txt.
#
# Each step leaves a stamp that holds what it was asked to do, so a second run
# starts in a moment and a changed requirement repeats only its own step.
# Steps run inside `||`, where bash does not stop at errors: they pass them on.
set -euo pipefail
cd "$(dirname "$0")/../.."

VENV=${VENV:-.venv}
PYTHON=${PYTHON:-python3}
TORCH_VERSION=2.13.0 # the version that the tests and the quoted numbers ran with
MMCV_VERSION=2.1.0   # as in requirements/toolboxes.txt
py="$VENV/bin/python"
LOCK=${LOCK:-}
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
  "$@" || {
    tail -n 15 "$log" >&2
    fail "the step '$name' failed. $hint (full output: $log)"
  }
  printf '%s\n' "$key" >"$stamps/$name"
}

pip_install() {
  "$py" -m pip install --disable-pip-version-check "$@" 2>&1 | tee -a "$log" |
    grep -vE '^(Requirement already|Looking in)' || return "${PIPESTATUS[0]}" # grep fails where it prints nothing
}

check_python() {
  "$PYTHON" -c 'import sys; raise SystemExit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
    fail "'$PYTHON' is $("$PYTHON" --version 2>&1 || echo 'not there'); mmdefusion runs on Python 3.10 to 3.12. Name one: make PYTHON=python3.11 ..."
  version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if [ -x "$py" ] && [ "$("$py" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" != "$version" ]; then
    fail "$VENV holds another Python than '$PYTHON' ($version): remove it, or name another folder with VENV=..."
  fi
}

make_venv() { "$PYTHON" -m venv "$VENV" && mkdir -p "$stamps" && : >"$log"; }

# All but mmcv, whose source is built against the torch among them; its line is left for build_mmcv.
install_locked() {
  [ -z "${TORCH:-}${TORCH_INDEX:-}" ] || fail "LOCK=$LOCK names the build of torch: leave out TORCH and TORCH_INDEX."
  grep '^mmcv==' "$LOCK" >"$stamps/locked-mmcv.txt" || fail "$LOCK is not a list of tools/dev/write_lock.py: no mmcv in it."
  grep -v '^mmcv==' "$LOCK" >"$stamps/locked.txt"
  pip_install --require-hashes --no-deps -r "$stamps/locked.txt"
}

has_nvcc() { command -v nvcc >/dev/null || [ -x "${CUDA_HOME:-}/bin/nvcc" ]; }

# TORCH names another build; without it, and without a GPU or the nvcc that mmcv's
# GPU ops are compiled with, the CPU build is taken where pip can find one
# (TORCH_INDEX names an index that has it).
install_torch() {
  local index=${TORCH_INDEX:+--index-url $TORCH_INDEX} torch=${TORCH:-torch==$TORCH_VERSION}
  local gpu=0
  if nvidia-smi -L >/dev/null 2>&1; then gpu=1; fi
  if [ -z "${TORCH:-}" ] && ! { [ "$gpu" = 1 ] && has_nvcc; }; then
    # shellcheck disable=SC2086 # an option and its value
    if "$py" -m pip install --dry-run --no-deps $index "$torch+cpu" >/dev/null 2>&1; then
      torch="$torch+cpu"
      if [ "$gpu" = 1 ]; then
        echo "    There is a GPU but no nvcc, without which mmcv has no GPU ops: the CPU build of torch is taken. For the GPU"
        echo "    install the CUDA toolkit, remove $VENV and run again; without mmcv's ops, name a build with TORCH."
      fi
    elif [ "$(uname -s)" = Linux ]; then
      echo "    No CPU build of $torch among pip's indexes: taking the default build, which may bring gigabytes of CUDA."
      echo "    To avoid that, stop here and name the CPU index of PyTorch's install page: make TORCH_INDEX=URL ..."
    fi
  fi
  # shellcheck disable=SC2086 # TORCH may name several packages
  pip_install $index $torch || return
  pip_install numpy # torch looks for it
}

# opencv-python wants the desktop's libGL; without one the headless build serves
ensure_opencv() {
  "$py" -c 'import cv2' 2>/dev/null && return
  [ -z "$LOCK" ] || fail "opencv-python, as $LOCK has it, does not load; it wants libGL (Debian, Ubuntu: apt-get install libgl1)."
  local version
  version=$("$py" -c 'from importlib.metadata import version; print(version("opencv-python"))') || return
  pip_install --force-reinstall --no-deps "opencv-python-headless==$version"
}

build_mmcv() {
  local compiler=${CXX:-c++} options=() cuda=0 source=("mmcv==$MMCV_VERSION")
  [ -z "$LOCK" ] || source=(--require-hashes --no-deps -r "$stamps/locked-mmcv.txt")
  command -v "${compiler%% *}" >/dev/null ||
    fail "mmcv's ops need a C++ compiler: install g++ (Debian, Ubuntu: apt-get install g++)."
  "$py" -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    fail "mmcv's ops need Python's headers (Debian, Ubuntu: apt-get install python$version-dev)."
  rm -f "$stamps/hide-gpu"
  if "$py" -c 'import torch; raise SystemExit(not torch.cuda.is_available())'; then
    if has_nvcc; then
      cuda=1
    else
      export CUDA_VISIBLE_DEVICES= # or mmcv's setup would look for nvcc
      echo CUDA_VISIBLE_DEVICES=-1 >"$stamps/hide-gpu" # for the Makefile
      echo "    There is a GPU but no nvcc: mmcv's ops are built for the CPU only, and make's targets hide the GPU. Hide it"
      echo "    from other commands with: export CUDA_VISIBLE_DEVICES=-1"
      echo "    For GPU ops install the CUDA toolkit, remove $stamps/mmcv and run again."
    fi
  fi
  # one that is installed already may have been built for another torch
  if [ -f "$stamps/mmcv" ] || [ "$cuda" = 1 ]; then options=(--force-reinstall --no-deps --no-cache-dir); fi
  echo "    mmcv $MMCV_VERSION comes as source: its 77 files take about 6 minutes on 2 cores, once (pip keeps the wheel)."
  compile_mmcv "$cuda" "${options[@]}" "${source[@]}" || return
  ensure_opencv || return
  "$py" -c 'import torch, mmcv._ext' 2>>"$log" && return
  echo "    The mmcv that pip had kept does not load here (it has no ops, or those for another torch): it is built anew."
  compile_mmcv "$cuda" --force-reinstall --no-deps --no-cache-dir "${source[@]}" || return
  "$py" -c 'import torch, mmcv._ext' 2>>"$log"
}

# compile_mmcv CUDA PIP_ARGUMENTS...: installs mmcv, and shows how many of its files are compiled.
compile_mmcv() {
  local cuda=$1 ending='\n'
  shift
  [ -t 1 ] && ending='\r' # on a terminal each count stands over the last one
  PATH="$(cd "$VENV" && pwd)/bin:$PATH" MMCV_WITH_OPS=1 FORCE_CUDA=$cuda "$py" -m pip install \
    --disable-pip-version-check -v --no-build-isolation "$@" 2>&1 | tee -a "$log" |
    while IFS= read -r line; do
      if [[ $line =~ \[([0-9]+/[0-9]+)\] ]]; then printf "    building mmcv: %s$ending" "${BASH_REMATCH[1]}"; fi
    done || return
  echo
}

install_project() {
  local options=(--no-build-isolation -e '.[toolboxes,export,web,hub,docs,tests,lint]')
  if [ -n "$LOCK" ]; then pip_install --no-deps "${options[@]}" && "$py" -m pip check >>"$log"; return; fi
  pip_install "${options[@]}" && ensure_opencv
}

torch_build() { "$py" -c 'import torch; print(torch.__version__, torch.cuda.is_available())'; }

network_hint="Is the package registry reachable, and is there disk space left?"
check_python
[ -d "$stamps" ] || make_venv || fail "'$PYTHON -m venv' failed (Debian, Ubuntu: apt-get install python$version-venv)."
if [ -n "$LOCK" ]; then
  [ -f "$LOCK" ] || fail "LOCK=$LOCK: there is no such file (look into requirements/locks)."
  step locked "$(cat "$LOCK")" "What pip said stands above; without LOCK other versions may be taken." install_locked
fi
step build-tools "$(cat requirements/build.txt)" "$network_hint" pip_install -r requirements/build.txt
[ -n "$LOCK" ] || step torch "${TORCH:-$TORCH_VERSION} ${TORCH_INDEX:-}" "Choose a build with TORCH='torch==...' or an index with TORCH_INDEX=URL." install_torch
step mmcv "$MMCV_VERSION for torch $(torch_build)" "A compiler that can build C++17 is needed; what it said stands above." build_mmcv
step mmdefusion "$(cat setup.py requirements/*.txt)" "$network_hint" install_project
