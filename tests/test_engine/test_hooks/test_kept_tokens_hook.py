"""A frozen encoder runs once for each image, and the training goes on as if it ran each time."""

from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import torch
from helpers.tools_in_process import forget_instances
from mmengine.config import Config
from mmengine.runner import Runner

from mmdefusion.datasets.pipelines import insert_behind
from mmdefusion.engine.hooks import KeptTokensHook, kept_tokens_hook
from mmdefusion.engine.hooks.kept_tokens_hook import KEEPING
from mmdefusion.experiments.benchmark.entry import Entry
from mmdefusion.experiments.trial import Trial
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.models.layers import place
from mmdefusion.models.necks.kept_tokens import KeptTokens
from mmdefusion.scenes import write_scenes
from mmdefusion.utils.run_log import read_rows

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = {
    'mmdet': ROOT / 'configs/detection/defusionpp-guided_vit-tiny_atss_1xb4-500i_scenes-160x128_kept-tokens.py',
    'mmseg': ROOT / 'configs/segmentation/defusionpp-guided_vit-tiny_fcn_1xb4-500i_scenes-160x128_kept-tokens.py',
}
PIPELINE = ('train_dataloader', 'dataset', 'pipeline')


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp('kept') / 'scenes', train=5, test=2, size=(96, 72))


def load(toolbox, scenes, folder, iterations=3, vit='vit-tiny'):
    pytest.importorskip(toolbox)
    forget_instances()
    path = CONFIGS[toolbox]
    config = Config.fromfile(path.with_name(path.name.replace('vit-tiny', vit)))
    config.work_dir, config.experiment_name = str(folder), uuid4().hex
    for split in ('train', 'val', 'test'):
        config[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
        config[f'{split}_dataloader'].dataset.data_root = str(scenes)
    if toolbox == 'mmdet':
        for loader in (config.val_dataloader, config.test_dataloader):
            loader.dataset.pipeline[2].scale = (96, 72)  # as large as in training
        config.val_evaluator.ann_file = config.test_evaluator.ann_file = str(scenes / 'test.json')
    config.train_cfg.update(max_iters=iterations, val_interval=iterations)
    config.train_dataloader.batch_size = 2
    config.custom_hooks[0].workers = 0
    return config


def count_encodings(monkeypatch):
    """The batches that encoders get."""
    shapes, encode = [], DeFusionEncoder.forward
    monkeypatch.setattr(
        DeFusionEncoder, 'forward', lambda self, pair, *rest: shapes.append(pair.shape) or encode(self, pair, *rest)
    )
    return shapes


@pytest.mark.parametrize('toolbox', CONFIGS)
def test_training_encodes_each_image_once_and_a_test_as_always(toolbox, scenes, tmp_path, monkeypatch):
    runner = Runner.from_cfg(load(toolbox, scenes, tmp_path))
    runner.model.init_weights()
    before = {name: weight.clone() for name, weight in runner.model.named_parameters()}
    shapes = count_encodings(monkeypatch)
    runner.train()
    once = [shape[0] for shape in shapes[:5]]
    assert once == [2] * 5  # an image and its mirror image
    assert len(shapes) == 5 + 2  # and two images of the validation
    kept = runner.model.backbone.kept
    assert len(kept) == 5
    assert kept.bytes == sum(2 * 2 * 192 * (1 + grid[0] * grid[1]) for _, grid, _ in kept._wholes)
    moved = {name for name, weight in runner.model.named_parameters() if not torch.equal(weight, before[name])}
    assert 'backbone.pyramid.guide.maps.0.weight' in moved
    assert not [name for name in moved if name.startswith(('backbone.encoder', 'backbone.decomposition'))]
    saved = torch.load(tmp_path / 'iter_3.pth', weights_only=False)
    assert set(saved['state_dict']) == set(runner.model.state_dict())
    (rows,) = read_rows(tmp_path)
    (keeping,) = (row[KEEPING] for row in rows if KEEPING in row)
    steps = np.mean([row['time'] for row in rows if 'loss' in row]) * 3
    trial = Trial.of(runner.cfg, tmp_path, '')
    assert Entry('a', [trial]).minutes() == pytest.approx((keeping + steps) / 60)


@pytest.mark.parametrize('toolbox', CONFIGS)
def test_the_maps_are_those_of_encoding(toolbox, scenes, tmp_path):
    """Nothing but mirroring happens to scenes, so that only rounding is left."""
    runner = Runner.from_cfg(load(toolbox, scenes, tmp_path, iterations=1))
    runner.train()
    model = runner.model.eval()
    for batch in runner.train_dataloader:
        inputs = model.data_preprocessor(batch, training=True)['inputs']
        assert inputs.shape[1] == 9
        with torch.no_grad():
            for kept, encoded in zip(model.backbone(inputs), model.backbone(inputs[:, :6].contiguous()), strict=True):
                assert (kept - encoded).norm() < 0.03 * encoded.norm()
        break


@pytest.mark.parametrize('toolbox', CONFIGS)
def test_mirror_images_have_the_tokens_of_the_image_mirrored(toolbox, scenes, tmp_path, monkeypatch):
    config = load(toolbox, scenes, tmp_path, iterations=1)
    config.custom_hooks[0].mirror = False
    find(config.train_dataloader.dataset.pipeline, 'Flip').prob = 1.0
    runner = Runner.from_cfg(config)
    shapes = count_encodings(monkeypatch)
    runner.train()
    assert [shape[0] for shape in shapes[:5]] == [1] * 5
    backbone, preprocessor = runner.model.backbone, runner.model.data_preprocessor
    assert all(len(whole.tokens) == 1 for whole in backbone.kept._wholes)
    inputs = preprocessor(next(iter(runner.train_dataloader)), training=True)['inputs']
    recalled = backbone.kept.recall(*place.split(inputs))
    with torch.no_grad():
        as_they_are = backbone.eval().decomposition(backbone.encoder(inputs[:, :6].flip(-1))).fused
    height, width = recalled.features.grid
    columns = as_they_are[:, 1:].unflatten(1, (height, width)).flip(2).flatten(1, 2)
    assert (recalled.fused[:, 1:] - columns).norm() < 0.03 * columns.norm()
    assert torch.allclose(recalled.fused[:, 0], as_they_are[:, 0], rtol=0.01, atol=0.01)


def find(pipeline, part):
    return next(step for step in pipeline if part in step.type)


@pytest.mark.parametrize('native', [True, False])
def test_bfloat16_where_the_processor_multiplies_it(native, scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_tokens_hook, 'multiplies_bfloat16', lambda: native)
    tokens = []
    for dtype in ('float32', 'bfloat16'):
        config = load('mmdet', scenes, tmp_path / dtype, iterations=1)
        config.custom_hooks[0].dtype = dtype
        runner = Runner.from_cfg(config)
        hook = next(hook for hook in runner.hooks if isinstance(hook, KeptTokensHook))
        runner.model.init_weights()
        dataset = runner.build_dataloader(config.train_dataloader).dataset
        tokens.append(torch.stack([whole.tokens for whole in hook.keep(runner.model, dataset, config)._wholes]).float())
    off = (tokens[0] - tokens[1]).norm() / tokens[0].norm()
    assert 1e-4 < off < 0.03 if native else off == 0


def test_an_unknown_dtype_is_refused():
    with pytest.raises(ValueError, match="dtype='float16': KeptTokensHook computes in 'float32' or 'bfloat16'"):
        KeptTokensHook(dtype='float16')


def test_a_repeated_data_set_has_each_image_once(scenes, tmp_path):
    config = load('mmdet', scenes, tmp_path, iterations=1)
    config.train_dataloader.dataset = dict(type='RepeatDataset', times=3, dataset=config.train_dataloader.dataset)
    config.train_dataloader.batch_size = 1
    runner = Runner.from_cfg(config)
    runner.train()
    assert len(runner.model.backbone.kept) == 5


def test_processes_share_the_work_and_hold_all(scenes, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(kept_tokens_hook, 'get_world_size', lambda: 2)
    monkeypatch.setattr(kept_tokens_hook, 'all_gather_object', lambda part: found.append(part) or found)
    for rank in (0, 1):
        monkeypatch.setattr(kept_tokens_hook, 'get_rank', lambda rank=rank: rank)
        runner = Runner.from_cfg(load('mmdet', scenes, tmp_path / str(rank)))
        hook = next(hook for hook in runner.hooks if isinstance(hook, KeptTokensHook))
        kept = hook.keep(runner.model, runner.build_dataloader(runner._train_dataloader).dataset, runner.cfg)
    assert [len(part) for part, _ in found] == [3, 2]
    assert len(kept) == 5
    assert len({key for part, _ in found for key, _ in part}) == 5


def remove_place(config):
    config.train_dataloader.dataset.pipeline = [
        step for step in config.train_dataloader.dataset.pipeline if step.type != 'mmdefusion.AppendPlace'
    ]


def change(key, value):
    return lambda config: config.merge_from_dict({key: value})


def put_place_first(config):
    steps = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [*steps[:2], steps[3], steps[2], *steps[4:]]


def insert(transform, after, loader='train_dataloader'):
    def breaking(config):
        config[loader].dataset.pipeline = insert_behind(config[loader].dataset.pipeline, after, transform)

    return breaking


SHIFT, PAD = dict(type='mmdefusion.ShiftPartner', pixels=4), dict(type='Pad', size=(128, 128))
AFFINE = dict(type='mmdefusion.PairedRandomAffine')
MOSAIC = dict(type='mmdefusion.PairedCachedMosaic', img_scale=(96, 72))
REFUSED = {
    'trained': (change('model.backbone.frozen', False), 'is for a backbone mmdefusion.DeFusionPP with frozen=True'),
    'dropout': (change('model.data_preprocessor.modality_dropout', 0.3), 'leave modality_dropout out'),
    'no place': (remove_place, r"put dict\(type='mmdefusion.AppendPlace'\) behind AppendPartner"),
    'place first': (put_place_first, 'AppendPlace stands before AppendPartner, whose pair it places'),
    'no hook': (change('custom_hooks', []), r'says where it lies in the whole image \(AppendPlace\), but nobody has'),
    'limit': (change('custom_hooks.0.limit', 1e-4), r'The tokens of 5 pairs take 0\.00\d+ GiB, more than limit='),
    'pipeline': (change('test_dataloader.dataset.pipeline', []), 'test_dataloader has no pipeline'),
    'padded': (
        insert(PAD, 'Resize', 'test_dataloader'),
        'Pad in the pipeline of the test does not leave pairs',
    ),
    'shifted': (insert(SHIFT, 'AppendPlace'), 'ShiftPartner stands beside AppendPlace, and kept tokens would not'),
    'mixed': (insert(MOSAIC, 'AppendPlace'), 'PairedCachedMosaic stands after AppendPlace, and a mix lies in no whole'),
    'mixed before': (
        insert(MOSAIC, 'AppendPartner'),
        'PairedCachedMosaic stands between AppendPartner and',
    ),
    'affine': (insert(AFFINE, 'AppendPlace'), 'PairedRandomAffine stands beside AppendPlace, and moves no channels'),
    'affine before': (insert(AFFINE, 'AppendPartner'), 'PairedRandomAffine stands beside AppendPlace'),
    'several blocks': (
        change('model.backbone.pyramid', dict(type='mmdefusion.FusedPyramid', _delete_=True)),
        'FusedPyramid reads tokens of several blocks',
    ),
}


@pytest.mark.parametrize(('breaking', 'message'), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(breaking, message, scenes, tmp_path):
    config = load('mmdet', scenes, tmp_path, iterations=1)
    breaking(config)
    if 'several' in message:
        config.model.backbone.init_cfg = None
    with pytest.raises(ValueError, match=message):
        Runner.from_cfg(config).train()


def test_a_data_set_that_mixes_images_is_refused(scenes, tmp_path):
    config = load('mmdet', scenes, tmp_path, iterations=1)
    inner = config.train_dataloader.dataset
    config.train_dataloader.dataset = dict(type='MultiImageMixDataset', dataset=inner, pipeline=[inner.pipeline.pop()])
    with pytest.raises(ValueError, match='does not go with MultiImageMixDataset, which mixes'):
        Runner.from_cfg(config).train()


TURNS = [
    dict(type='mmseg.RandomRotate', prob=1.0, degree=20, pad_val=0, seg_pad_val=255),
    dict(type='RandomFlip', prob=0.5),
]


def test_turned_images_are_not_refused(scenes, tmp_path, monkeypatch):
    config = load('mmseg', scenes, tmp_path, iterations=2)
    pipeline = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [*pipeline[:4], *TURNS, pipeline[-1]]
    runner = Runner.from_cfg(config)
    shapes = []
    recall = KeptTokens.recall
    monkeypatch.setattr(
        KeptTokens, 'recall', lambda kept, pair, place: shapes.append(pair.shape) or recall(kept, pair, place)
    )
    runner.train()
    assert len(shapes) == 2  # both iterations took kept tokens, and none was refused


@pytest.mark.parametrize('toolbox', CONFIGS)
def test_over_a_public_vit(toolbox, scenes, tmp_path):
    """The config over DINOv2, with a file of its layout: smaller, and of random weights."""
    transformers = pytest.importorskip('transformers')
    numbers = dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14)
    public = transformers.Dinov2Model(transformers.Dinov2Config(**numbers))
    torch.save(public.state_dict(), tmp_path / 'dinov2.pth')
    config = load(toolbox, scenes, tmp_path, vit='vit-small-dinov2')
    backbone = config.model.backbone
    backbone.arch.update(embed_dims=32, depth=3, num_heads=2, last_num_heads=2)
    backbone.encoder.init_cfg.checkpoint = str(tmp_path / 'dinov2.pth')
    runner = Runner.from_cfg(config)
    runner.train()
    trained = runner.model.backbone
    third = public.state_dict()['encoder.layer.2.mlp.fc1.weight']
    assert torch.equal(trained.encoder.blocks[2].mlp.fc1.weight, third)
    assert len(trained.kept) == 5 and trained.kept._wholes[0].tokens.shape[-1] == 32
    assert trained.pyramid.guide.maps[0].weight.abs().max() > 0  # it began at 0
    taught = read_weights('prior')['prior.stems.0.downs.0.conv.weight']
    moved = trained.pyramid.prior.stems[0].downs[0].conv.weight - taught
    assert 0 < moved.abs().max() < 0.01
