from mmengine.config import Config

from mmdefusion.utils.distributed import use_plain_batch_norm


def test_batch_norm_of_cpu_processes():
    model = Config(dict(model=dict(neck=[dict(norm_cfg=dict(type='SyncBN', requires_grad=True))], head=dict(type='A'))))
    use_plain_batch_norm(model.model)
    assert model.model == dict(neck=[dict(norm_cfg=dict(type='BN', requires_grad=True))], head=dict(type='A'))
