"""What each of two processes draws whose seeds differ."""

import json
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.runner import Runner

from mmdefusion.datasets.samplers.resumable import Draw
from mmdefusion.engine.loops import PretrainLoop


class Images(list):
    def __getitem__(self, draw: Draw) -> int:
        return super().__getitem__(draw.index)


def draw(rank: int, folder: str) -> None:
    """Notes in ``folder`` what one of the processes draws, at the start and after it was resumed."""
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2)
    loader = dict(
        dataset=Images(range(20)), batch_size=2, num_workers=0, sampler=dict(type='mmdefusion.ResumableSampler')
    )
    runner = SimpleNamespace(seed=5 + rank, build_dataloader=Runner.build_dataloader)
    loop = PretrainLoop(runner, loader, max_iters=1)
    begun = [draw.index for draw in islice(iter(loop.dataloader.sampler), 10)]
    runner.seed = 8 + rank  # that of a checkpoint
    next(loop._batches())
    resumed = [draw.index for draw in islice(iter(loop.dataloader.sampler), 10)]
    Path(folder, f'{rank}.json').write_text(json.dumps([begun, resumed]))
    torch.distributed.destroy_process_group()
