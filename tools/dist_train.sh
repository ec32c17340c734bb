#!/usr/bin/env bash
# Train on the GPUs of one or more machines.
#
#   bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR (and PORT) on each of them. Two runs on one machine: set PORT.
# RESTARTS=3 starts all processes again, up to three times, if one of them dies; add --resume.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
config=$1 gpus=$2 address=${MASTER_ADDR:-127.0.0.1} port=${PORT:-29500}
shift 2

# torchrun keeps one store for all starts, with the addresses of processes that are gone, for which new ones wait
# (torch 2.5 to 2.13): with this variable each start gets a store of its own
if [ "${RESTARTS:-0}" = 0 ]; then
  meeting=(--node_rank="${NODE_RANK:-0}" --master_addr="$address" --master_port="$port")
else
  export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
  meeting=(--rdzv-backend=c10d --rdzv-endpoint="$address:$port" --rdzv-id="mmdefusion-$port" --max-restarts="$RESTARTS")
fi
python -m torch.distributed.run --nnodes="${NNODES:-1}" "${meeting[@]}" --nproc_per_node="$gpus" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
