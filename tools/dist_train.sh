#!/usr/bin/env bash
# Train on the GPUs of one or more machines.
#
#   bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR (and PORT) on each of them.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
config=$1 gpus=$2
shift 2

python -m torch.distributed.run --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${PORT:-29500}" --nproc_per_node="$gpus" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
