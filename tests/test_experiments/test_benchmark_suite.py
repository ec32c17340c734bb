"""Light heads, models with weights of their own, budgets of time, and the tables of the suite."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdefusion.engine.hooks import KeptTokensHook
from mmdefusion.experiments.benchmark import (
    Budget,
    Comparison,
    DataSet,
    find_candidates,
    known_models,
    pace,
    plan,
    run_benchmark,
    suite,
)
from mmdefusion.experiments.benchmark.fairness import KEPT, describe_fairness
from mmdefusion.experiments.benchmark.light import HEADS, WIDTH, make_light
from mmdefusion.registry import DATASETS, MODELS

ROOT = Path(__file__).resolve().parents[2]
LIGHT = [name for name in known_models() if name.endswith(('_atss', '_fcn'))]
BUILT = ['spatial-prior_atss', 'defusionpp-prior_vit-tiny_atss', 'resnet18-two-streams_fcn']


def widths(part: object) -> list[int]:
    """Every ``out_channels`` in a part of a config."""
    if isinstance(part, list | tuple):
        return [width for inner in part for width in widths(inner)]
    if not isinstance(part, dict):
        return []
    own = [part['out_channels']] if 'out_channels' in part else []
    return own + [width for inner in part.values() for width in widths(inner)]


@pytest.mark.parametrize('name', LIGHT)
def test_every_model_with_these_heads_is_made_light(name):
    config = Config.fromfile(known_models()[name])
    make_light(config)
    head = config.model.get('bbox_head') or config.model.decode_head
    assert head.in_channels in (WIDTH, [WIDTH] * 4) and {**head, **HEADS[head.type]} == dict(head)
    made = widths([config.model.backbone, config.model.get('neck')])
    assert made and set(made) == {WIDTH} and 'auxiliary_head' not in config.model


@pytest.mark.parametrize('name', BUILT)
def test_light_models_fit_together(name):
    config = Config.fromfile(known_models()[name])
    init_default_scope(config.default_scope)
    heavy = sum(weight.numel() for weight in MODELS.build(config.model).parameters())
    config = Config.fromfile(known_models()[name])
    make_light(config)
    model = MODELS.build(config.model).eval()
    with torch.no_grad():
        maps = model.extract_feat(torch.rand(1, 6, 64, 64))
        head = model.bbox_head if hasattr(model, 'bbox_head') else model.decode_head
        assert {one.shape[1] for one in maps} == {WIDTH} and head(maps) is not None
    assert sum(weight.numel() for weight in model.parameters()) < heavy - 1e6


def test_heads_that_cannot_be_made_light(tmp_path):
    with pytest.raises(ValueError, match='light heads are ATSSHead, FCNHead, not DINOHead'):
        make_light(Config.fromfile(known_models()['defusionpp_vit-tiny_dino']))
    with pytest.raises(ValueError, match='light heads are ATSSHead, FCNHead, not none'):
        make_light(Config.fromfile(known_models()['defusionpp_vit-tiny_faster-rcnn']))
    config = Config.fromfile(known_models()['spatial-prior_atss'])
    config.model.backbone.out_channels = 99
    with pytest.raises(ValueError, match='no part has out_channels=256'):
        make_light(config)


def test_a_model_beside_itself_with_weights():
    random, pretrained = find_candidates(['spatial-prior_atss', 'spatial-prior_atss@tiny'])
    assert (random.name, random.weights) == ('spatial-prior_atss', None)
    assert (pretrained.name, pretrained.weights) == ('spatial-prior_atss@tiny', 'tiny')
    assert find_candidates(['spatial-prior_atss'], 'mine.pth')[0].weights == 'mine.pth'
    (of_a_file,) = find_candidates([f'{known_models()["spatial-prior_atss"]}@some/mine.pth'])
    assert (of_a_file.name, of_a_file.weights) == ('spatial-prior_atss@mine', 'some/mine.pth')
    with pytest.raises(ValueError, match='resnet7_atss: no such model'):
        find_candidates(['resnet7_atss@tiny'])
    with pytest.raises(ValueError, match='same name'):
        find_candidates(['spatial-prior_atss@tiny', 'spatial-prior_atss@tiny'])


def test_weights_on_hubs_have_addresses_with_an_at_and_one_file_name():
    (revised,) = find_candidates(['spatial-prior_atss@hf://owner/repo@v1/weights.pth'])
    assert (revised.name, revised.weights) == ('spatial-prior_atss@weights', 'hf://owner/repo@v1/weights.pth')
    hub = [f'spatial-prior_atss@hf://{repo}/model.safetensors' for repo in ('a/b', 'c/d')]
    names = [one.name for one in find_candidates([*hub, 'spatial-prior_atss'])]
    assert names == ['spatial-prior_atss@b-model', 'spatial-prior_atss@d-model', 'spatial-prior_atss']


def test_weights_of_its_own_for_a_baseline(tmp_path):
    weights = tmp_path / 'mine.pth'
    weights.write_bytes(b'mine')
    data = load_scenes(tmp_path)
    models = [f'resnet18-early-fusion_fcn@{weights}', f'spatial-prior_fcn@{weights}', 'resnet18-visible_fcn']
    early, prior, visible = find_candidates(models, str(weights))
    comparison = Comparison(data, Budget(5), tmp_path)
    inner = Config.fromstring(comparison.plan(early, 0).config, '.py').model.backbone.backbone
    assert inner.init_cfg == dict(type='Pretrained', checkpoint=str(weights))
    alone = Config.fromstring(comparison.plan(prior, 0).config, '.py').model.backbone
    assert alone.init_cfg == dict(type='Pretrained', checkpoint=str(weights))
    assert str(weights) not in comparison.plan(visible, 0).config  # only DeFusion++'s networks take those of all
    (early,) = find_candidates(['resnet18-early-fusion_fcn@tiny'])
    with pytest.raises(ValueError, match='tiny holds a ViT, from which ResNet cannot start'):
        comparison.plan(early, 0)


def test_other_weights_of_the_prior_are_another_training(tmp_path, monkeypatch):
    comparison = Comparison(load_scenes(tmp_path), Budget(5), tmp_path)
    model, without = find_candidates(['defusionpp-prior_vit-tiny_fcn', 'defusionpp_vit-tiny_fcn'])
    before = [comparison.plan(one, 0).basis for one in (model, without)]
    monkeypatch.setattr(plan, 'hash_weights', 'other {}'.format)
    assert comparison.plan(without, 0).basis == before[1]
    assert comparison.plan(model, 0).basis != before[0]


def test_an_encoder_alone_is_no_start_of_what_starts_whole(tmp_path):
    public = tmp_path / 'public.pth'
    torch.save({'pos_embed': torch.zeros(1, 10, 32), 'blocks.0.norm1.weight': torch.ones(32)}, public)
    comparison = Comparison(load_scenes(tmp_path), Budget(5), tmp_path)
    (model,) = find_candidates([f'defusionpp-guided_vit-tiny_fcn@{public}'])
    with pytest.raises(ValueError, match='is an encoder alone, and this model starts whole from guided'):
        comparison.plan(model, 0)


def test_weights_of_a_prior_go_to_the_prior(tmp_path):
    comparison = Comparison(load_scenes(tmp_path), Budget(5), tmp_path)
    beside, lacking = find_candidates(['defusionpp-prior_vit-tiny_fcn@prior', 'defusionpp_vit-tiny_fcn@prior'])
    backbone = Config.fromstring(comparison.plan(beside, 0).config, '.py').model.backbone
    assert backbone.spatial_prior.init_cfg.checkpoint == 'prior' and 'init_cfg' not in backbone
    with pytest.raises(ValueError, match='prior holds a spatial prior, and this model has none'):
        comparison.plan(lacking, 0)


def test_the_encoder_of_a_model_starts_from_a_public_vit(tmp_path):
    public, ours = tmp_path / 'public.pth', tmp_path / 'ours.pth'
    torch.save({'pos_embed': torch.zeros(1, 10, 32), 'blocks.0.norm1.weight': torch.ones(32)}, public)
    torch.save({'backbone.blocks.0.norm1.weight': torch.ones(32)}, ours)
    comparison = Comparison(load_scenes(tmp_path), Budget(5), tmp_path)
    whole, of_file = find_candidates([f'defusionpp-prior_vit-tiny_fcn@{file}' for file in (ours, public)])
    alone, of_public = find_candidates([f'vit-tiny-visible_fcn@{file}' for file in (ours, public)])
    parts = [Config.fromstring(comparison.plan(one, 0).config, '.py') for one in (whole, of_file, alone, of_public)]
    starts = [dict(type='Pretrained', checkpoint=str(file)) for file in (ours, public)]
    assert parts[0].model.backbone.init_cfg == starts[0] and 'encoder' not in parts[0].model.backbone
    assert parts[1].model.backbone.encoder.init_cfg == starts[1] and 'init_cfg' not in parts[1].model.backbone
    assert parts[2].load_from == str(ours) and 'init_cfg' not in parts[2].model.backbone
    assert parts[3].load_from is None and parts[3].model.backbone.init_cfg == starts[1]


def load_scenes(folder: Path) -> DataSet:
    scenes = write_scenes(folder / 'scenes', train=3, test=2, size=(96, 64))
    options = {f'{split}_dataloader.dataset.data_root': str(scenes) for split in ('train', 'test')}
    return DataSet.load(ROOT / 'configs/_base_/datasets/scenes-segmentation.py', options)


def test_the_same_comparison_by_another_name_of_its_folder_is_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = load_scenes(tmp_path / 'data')
    (model,) = find_candidates(['resnet18-fused-images_fcn'])
    keys = {Comparison(data, Budget(5), Path(name)).plan(model, 0).key for name in ('mine', f'{tmp_path}/mine')}
    assert len(keys) == 1
    assert Comparison(data, Budget(6), Path('mine')).plan(model, 0).key not in keys


@pytest.mark.parametrize(('iterations', 'interval'), [(1, 1), (500, 250), (2000, 1000), (36_000, 1000)])
def test_an_interrupted_training_loses_a_thousand_iterations_at_most(tmp_path, iterations, interval):
    (model,) = find_candidates(['spatial-prior_fcn'])
    trial = Comparison(load_scenes(tmp_path), Budget(iterations), tmp_path).plan(model, 0)
    checkpoints = Config.fromstring(trial.config, '.py').default_hooks.checkpoint
    assert (checkpoints.interval, checkpoints.max_keep_ckpts, checkpoints.by_epoch) == (interval, 2, False)


def test_a_budget_of_time_gives_each_model_its_own_iterations(tmp_path):
    comparison = Comparison(load_scenes(tmp_path), Budget.parse('0.5min'), tmp_path, light=True)
    candidates = find_candidates(['spatial-prior_fcn', 'resnet18-two-streams_fcn'])
    trials = []
    for model in candidates:
        probe, kept = comparison._plan(model, 0, pace.Pace(60)), tmp_path / 'paces' / f'{model.name}.json'
        kept.parent.mkdir(exist_ok=True)
        kept.with_suffix('.py').write_text(probe.config)
        pace._measure(kept, probe.key)  # in this process; plan() starts one
        measured = kept.read_text()
        trials += [comparison.plan(model, 0), comparison.plan(model, 1)]
        assert kept.read_text() == measured  # seeds and resumed runs share it
    configs = [Config.fromstring(trial.config, '.py') for trial in trials]
    light, _, heavy, other_seed = (config.train_cfg.max_iters for config in configs)
    assert light > heavy == other_seed >= 1
    assert [one.param_scheduler[-1].end for one in configs[::2]] == [light, heavy]
    facts = describe_fairness(configs[::2], comparison)
    assert 'for 0.5 minutes of training steps' in facts[0] and f'({light}, {heavy} iterations, in turn)' in facts[0]
    assert any('light heads' in fact for fact in facts)
    counted = Comparison(comparison.data, Budget.parse('5i'), tmp_path, light=True)
    with pytest.raises(ValueError, match='the number of pairs seen is not the same'):
        describe_fairness(configs[::2], counted)


def test_what_keeps_tokens_pays_for_them_and_is_told_where_images_lie(tmp_path, monkeypatch):
    clock, begun = [0.0], []  # looking at it takes half a second, encoding a data set seven
    keep = KeptTokensHook.keep

    def encode(hook, model, *of):
        clock.append(clock[-1] + 7)
        begun.append(model.is_init)
        return keep(hook, model, *of)

    monkeypatch.setattr(KeptTokensHook, 'keep', encode)
    monkeypatch.setattr(pace, '_clock', lambda: clock.append(clock[-1] + 0.5) or clock[-1])
    comparison = Comparison(load_scenes(tmp_path), Budget.parse('0.5min'), tmp_path, light=True)
    candidates = find_candidates(['defusionpp-guided_vit-tiny_fcn', 'defusionpp-guided_vit-tiny_fcn_kept-tokens'])
    paces, configs = [], []
    for model in candidates:
        probe, kept = comparison._plan(model, 0, pace.Pace(60)), tmp_path / 'paces' / f'{model.name}.json'
        kept.parent.mkdir(exist_ok=True)
        kept.with_suffix('.py').write_text(probe.config)
        pace._measure(kept, probe.key)
        paces.append(pace._read(kept, probe.key))
        configs.append(Config.fromstring(comparison.plan(model, 0).config, '.py'))
    assert paces == [pace.Pace(0.5, 0.5), pace.Pace(0.5, 7.5)]
    assert begun == [True]  # weights may decide what is computed
    keeping = paces[1]
    assert configs[1].train_cfg.max_iters == round((30 - keeping.before) / keeping.seconds)
    steps = [[step.type for step in config.train_dataloader.dataset.pipeline] for config in configs]
    assert steps[1] == [*steps[0][:3], 'mmdefusion.AppendPlace', *steps[0][3:]]
    assert KEPT in describe_fairness(configs, comparison)
    with pytest.raises(ValueError, match='takes 40 s of 0.5 minutes: give a larger budget'):
        comparison.budget.iterations(3, 4, pace.Pace(1, before=40))


def test_an_epoch_of_several_processes_has_fewer_iterations(tmp_path):
    data, (model,) = load_scenes(tmp_path), find_candidates(['spatial-prior_fcn'])
    data.config.train_dataloader.batch_size = 1  # of three pairs
    for processes, iterations in ((1, 6), (2, 4), (3, 2)):
        trial = Comparison(data, Budget.parse('2e'), tmp_path, processes).plan(model, 0)
        assert Config.fromstring(trial.config, '.py').train_cfg.max_iters == iterations


def test_what_is_not_the_same_for_all_is_named(tmp_path):
    (model,) = find_candidates(['spatial-prior_fcn'])
    comparison = Comparison(load_scenes(tmp_path), Budget(5), tmp_path)
    text = comparison.plan(model, 0).config
    facts = describe_fairness([Config.fromstring(text, '.py') for _ in range(2)], comparison)
    assert not any('hooks' in fact for fact in facts)
    averaged = Config.fromstring(text, '.py')
    averaged.custom_hooks = [dict(type='EMAHook'), dict(type='mmdefusion.KeptTokensHook')]
    facts = describe_fairness([Config.fromstring(text, '.py'), averaged], comparison)
    assert 'They train with hooks of their own, in turn: none; EMAHook.' in facts
    for key, value, what in (
        ('train_dataloader.dataset.data_prefix.img_path', 'test/vi', 'the training split'),
        ('test_dataloader.dataset.data_prefix.img_path', 'train/vi', 'the test split'),
        ('train_dataloader.dataset.pipeline', [], 'the augmentation'),
        ('model.data_preprocessor.batch_augments', [dict(type='BatchSyncRandomResize')], 'the augmentation'),
        ('train_cfg.max_iters', 6, 'the number of pairs seen'),
        ('param_scheduler', [], 'the schedule'),
        ('optim_wrapper.optimizer.lr', 0.5, 'the optimizer'),
    ):
        other = Config.fromstring(text, '.py')
        other.merge_from_dict({key: value})
        with pytest.raises(ValueError, match=f'is not fair: {what} is not the same for all'):
            describe_fairness([Config.fromstring(text, '.py'), other], comparison)


def test_the_suite_runs_a_seed_of_every_table_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls, told, written = [], [], []

    def write(root, size):
        written.append(size)
        return write_scenes(root, train=2, test=2, size=(96, 64))

    monkeypatch.setattr(suite, 'write_scenes', write)

    def run(data, models, budget, seeds, work_dir, **others):
        calls.append((data.stem, models, budget, seeds, work_dir))
        assert others['light']
        work_dir.mkdir(parents=True, exist_ok=True)
        for name in ('report.md', 'report.html', 'curves.png', 'pictures.jpg'):
            (work_dir / name).write_text(f'{seeds}')
        return SimpleNamespace(report=work_dir / 'report.html')

    out, pages = tmp_path / 'out', tmp_path / 'pages'
    found = suite.run_suite(out, ['scenes', 'scenes-minutes', 'msrs'], 2, pages, told.append, run)
    assert set(found) == {'scenes', 'scenes-minutes'}
    assert [(call[2], call[3], call[4]) for call in calls] == [
        ('200i', 1, out / 'scenes'),
        ('5min', 1, out / 'scenes-minutes'),
        ('200i', 2, out / 'scenes'),
        ('5min', 2, out / 'scenes-minutes'),
    ]
    assert set(written) == {(320, 256)}
    assert any('msrs: left out, as data/sample/msrs_det is not there' in line for line in told)
    assert sorted(file.name for file in (pages / 'scenes').iterdir()) == ['curves.png', 'pictures.jpg', 'report.md']
    assert (pages / 'scenes/report.md').read_text() == '2'
    with pytest.raises(ValueError, match='trees-hours: no such table; there are msrs, scenes'):
        suite.run_suite(out, ['trees-hours'], run=run)


def test_pairs_of_others_are_not_published(tmp_path):
    (tmp_path / 'run').mkdir()
    for name in ('curves.png', 'pictures.jpg', 'report.html'):
        (tmp_path / 'run' / name).write_text('drawn')
    (tmp_path / 'run/report.md').write_text('# Scores\n\n![curves](curves.png)\n\n![pictures](pictures.jpg)\n')
    suite.copy_report(tmp_path / 'run', tmp_path / 'pages', suite.TABLES['msrs'].generated)
    assert sorted(file.name for file in (tmp_path / 'pages').iterdir()) == ['curves.png', 'report.md']
    text = (tmp_path / 'pages/report.md').read_text()
    assert '](pictures.jpg)' not in text and 'not ours to publish' in text and '![curves](curves.png)' in text


@pytest.mark.parametrize('name', suite.TABLES)
def test_every_table_names_models_and_data_that_exist(name):
    table = suite.TABLES[name]
    assert len(find_candidates(table.models)) == len(suite.ROWS)
    config = Config.fromfile(table.config)
    assert {'train_dataloader', 'test_dataloader', 'test_evaluator'} <= set(config)
    assert Budget.parse(table.budget).timed == name.endswith('-minutes')


def test_settings_of_the_suite_fit_the_light_models(shared, monkeypatch, tmp_path):
    """On the real pairs, as far as planning goes."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/sample').symlink_to(shared / 'data')
    monkeypatch.chdir(tmp_path)
    table = suite.TABLES['trees']
    data = DataSet.load(table.config, dict(table.options))
    pairs = DATASETS.build(data.config.train_dataloader.dataset)
    for index in range(0, len(pairs), 8):  # mmseg's weighted loss fails where a label is padding
        assert pairs[index]['data_samples'].gt_sem_seg.data.max() < 2
    comparison = Comparison(data, Budget.parse(table.budget), tmp_path, options=dict(table.options), light=True)
    for model in find_candidates(table.models):
        if 'fused-images' not in model.name:
            head = Config.fromstring(comparison.plan(model, 0).config, '.py').model.decode_head
            assert head.num_classes == 2 and head.loss_decode.class_weight == [1.0, 8.0]


@pytest.mark.soak
def test_minutes_end_to_end(tmp_path):
    data = load_scenes(tmp_path)
    options = {f'{split}_dataloader.dataset.data_root': str(tmp_path / 'scenes') for split in ('train', 'test')}
    options |= {f'{split}_dataloader.num_workers': 0 for split in ('train', 'test')}
    options |= {f'{split}_dataloader.persistent_workers': False for split in ('train', 'test')}
    told, arguments = [], (data.path, ['spatial-prior_fcn', 'resnet18-visible_fcn'], '0.01min', 1, tmp_path / 'out')
    found = run_benchmark(*arguments, options=options, notify=told.append, light=True)
    assert not found.failed and 'for 0.01 minutes of training steps' in (tmp_path / 'out/report.md').read_text()
    before = len(told)
    run_benchmark(*arguments, options=options, notify=told.append, light=True)
    assert len(told) == before  # nothing twice
