"""Two steps of a config for FSDP, in two processes of a CPU."""

import torch
from mmengine.config import Config
from mmengine.model import MMFullyShardedDataParallel
from mmengine.registry import init_default_scope

from mmdefusion.registry import MODELS


def two_steps(rank: int, path: str, meeting: str) -> None:
    """Trains in one of the processes; ``meeting`` is a file that they find each other by."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=2)
    config = Config.fromfile(path)
    init_default_scope(config.get('default_scope') or 'mmengine')
    torch.manual_seed(0)
    options = dict(config.strategy.model_wrapper)
    options.pop('type')
    model = MMFullyShardedDataParallel(MODELS.build(config.model), device_id=torch.device('cpu'), **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(2):
        loss = sum(model(torch.rand(1, 3, 32, 32), mode='loss').values())
        loss.backward()
        optimizer.step()
    assert loss.isfinite()
    torch.distributed.destroy_process_group()
