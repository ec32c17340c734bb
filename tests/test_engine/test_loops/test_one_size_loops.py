"""Several sizes in one batch of a test, through MMEngine's runner as the toolboxes' test.py start it."""

from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import torch
from helpers.zoo import CONFIGS
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import DataLoader

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from helpers.mixed_sizes import SAMPLES, SIZES, build, found_again, pairs, zoo

from mmdefusion.engine.loops import one_size_loops
from mmdefusion.engine.loops.one_size_loops import pick, sizes_in

HEADS = ['atss', pytest.param('retinanet', marks=pytest.mark.soak), 'faster-rcnn', 'fcn']


@DATASETS.register_module(force=True)
class MixedSizes(BaseDataset):
    """The pairs of all sizes, and one more of the first one's."""

    def load_data_list(self) -> list[dict]:
        scope = self.metainfo['scope']
        sizes = [*SIZES, SIZES[0]]
        return [dict(inputs=image, data_samples=SAMPLES[scope](metainfo=meta)) for image, meta in pairs(sizes)]

    def prepare_data(self, idx: int) -> dict:
        return self.data_list[idx]


@METRICS.register_module(force=True)
class Found(BaseMetric):
    """Keeps what a model finds."""

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        assert len(data_batch['inputs']) == len(data_samples)
        for sample in data_samples:
            kind = 'pred_instances' if 'pred_instances' in sample else 'pred_sem_seg'
            self.results.append(SimpleNamespace(img_id=sample['img_id'], **{kind: SimpleNamespace(**sample[kind])}))

    def compute_metrics(self, results: list) -> dict[str, list]:
        return dict(found=sorted(results, key=lambda sample: sample.img_id))


def run(model: nn.Module, scope: str, work_dir: Path, batch_size: int, kind: str) -> list:
    """All predictions, in the order of the pairs."""
    loader = dict(
        batch_size=batch_size,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='MixedSizes', metainfo=dict(scope=scope), serialize_data=False, lazy_init=False),
    )
    stage = 'val' if 'Val' in kind else 'test'
    config = {f'{stage}_dataloader': loader, f'{stage}_evaluator': dict(type='Found'), f'{stage}_cfg': dict(type=kind)}
    runner = Runner(model, str(work_dir), default_scope=scope, experiment_name=uuid4().hex, **config)
    return getattr(runner, stage)()['found']


@pytest.mark.parametrize('head', HEADS)
def test_all_is_found_again(head, tmp_path):
    """Beside pictures of other sizes, what is found in each alone; heads with GroupNorm, pooling and RoIs too."""
    scope = 'mmseg' if head == 'fcn' else 'mmdet'
    model = build(zoo(head))
    alone = run(model, scope, tmp_path, 1, 'TestLoop')
    assert len(alone) == 5
    for kind in ('mmdefusion.OneSizeTestLoop', 'mmdefusion.OneSizeValLoop')[: 2 if head == 'atss' else 1]:
        for ours, theirs in zip(run(model, scope, tmp_path, 5, kind), alone, strict=True):
            assert ours.img_id == theirs.img_id
            if scope == 'mmseg':
                assert torch.equal(ours.pred_sem_seg.data, theirs.pred_sem_seg.data)
            else:
                assert len(theirs.pred_instances.scores) > 100 and found_again(ours, theirs) == 1
    if head == 'atss':  # MMEngine's loop pads, which is what is mended
        padded = run(model, scope, tmp_path, 5, 'TestLoop')
        assert min(found_again(*pair) for pair in zip(padded, alone, strict=True)) < 0.9


def test_batches_are_split_by_size():
    small, large = torch.zeros(4, 8, 8), torch.zeros(4, 16, 8)
    batch = pseudo_collate([dict(inputs=x, data_samples=k) for k, x in enumerate([small, large, small])])
    assert [pick(batch, group)['data_samples'] for group in sizes_in(batch)] == [[0, 2], [1]]
    variants = [dict(inputs=[x, x.flip(2)], data_samples=[k, -k]) for k, x in enumerate([small, large, small])]
    variants = pseudo_collate(variants)  # test-time augmentation
    first, second = (pick(variants, group) for group in sizes_in(variants))
    assert first['data_samples'] == [[0, 2], [0, -2]] and second['data_samples'] == [[1], [-1]]
    assert [[x.shape[1] for x in variant] for variant in second['inputs']] == [[16], [16]]
    for whole in (dict(inputs=[small, small], data_samples=[0, 1]), dict(inputs=torch.zeros(2, 4, 8, 8)), [small]):
        assert len(sizes_in(whole)) < 2


@pytest.mark.parametrize('kind', ['mmdefusion.OneSizeTestLoop', 'mmdefusion.OneSizeValLoop'])
def test_metrics_and_hooks_see_batches_in_their_order(kind, tmp_path):
    """Several processes give their results in turn, and MMEngine cuts off the last ones as repetitions."""
    seen = []

    class Order(BaseMetric):
        def process(self, data_batch: dict, data_samples: list) -> None:
            seen.append(('metric', [one['number'] for one in data_samples], len(data_batch['inputs'])))
            self.results.extend(data_samples)

        def compute_metrics(self, results: list) -> dict[str, int]:
            return dict(count=len(results))

    class Watch(Hook):
        def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='train') -> None:
            seen.append((mode, [one.number for one in outputs], batch_idx))

    class Numbers(BaseModel):
        def forward(self, inputs, data_samples, mode):
            assert len({one.shape for one in inputs}) == 1
            losses = BaseDataElement(loss=dict(loss_a=inputs[0].new_tensor(2.0)))
            return [*data_samples, losses]

    sizes = [(8, 8), (16, 8), (8, 8), (8, 16), (16, 8)]
    samples = [
        dict(inputs=torch.zeros(4, *size), data_samples=BaseDataElement(number=k)) for k, size in enumerate(sizes)
    ]
    stage = 'val' if 'Val' in kind else 'test'
    config = {f'{stage}_dataloader': DataLoader(samples, batch_size=3, collate_fn=pseudo_collate)}
    config |= {f'{stage}_evaluator': Evaluator(Order()), f'{stage}_cfg': dict(type=kind)}
    runner = Runner(Numbers(), str(tmp_path), custom_hooks=[Watch()], experiment_name=uuid4().hex, **config)
    scores = getattr(runner, stage)()
    assert scores['count'] == 5 and scores[f'{stage}_loss'] == 2
    first, second = [0, 1, 2], [3, 4]
    assert seen == [('metric', first, 3), (stage, first, 0), ('metric', second, 2), (stage, second, 1)]


def test_processes_that_share_a_model_run_it_equally_often(monkeypatch, tmp_path):
    """Those of a sharded model gather its weights in every forward pass, and wait for each other."""
    seen = []

    class Sharded(BaseModel):
        def forward(self, inputs, data_samples, mode):
            seen.append(len(inputs))
            return data_samples

    class Nothing(BaseMetric):
        def process(self, data_batch: dict, data_samples: list) -> None:
            pass

        def compute_metrics(self, results: list) -> dict:
            return {}

    monkeypatch.setattr(one_size_loops, 'FullyShardedDataParallel', Sharded)
    samples = [dict(inputs=torch.zeros(4, *size), data_samples=BaseDataElement()) for size in [(8, 8), (16, 8), (8, 8)]]
    config = dict(test_cfg=dict(type='mmdefusion.OneSizeTestLoop'), test_evaluator=Evaluator(Nothing()))
    config['test_dataloader'] = DataLoader(samples, batch_size=3, collate_fn=pseudo_collate)
    Runner(Sharded(), str(tmp_path), experiment_name=uuid4().hex, **config).test()
    assert seen == [3]


def test_our_configs_test_one_picture_at_a_time():
    """And one size at a time where somebody raises that."""
    for path in CONFIGS.glob('[ds]e*/*.py'):
        config = Config.fromfile(path)
        for stage in ('val', 'test'):
            if config.get(f'{stage}_dataloader') and not path.name.startswith('defusionpp_vit-tiny_retinanet_1xb2-12e'):
                assert config[f'{stage}_dataloader'].batch_size == 1, path
                assert config[f'{stage}_cfg'].type.startswith('mmdefusion.OneSize'), path
