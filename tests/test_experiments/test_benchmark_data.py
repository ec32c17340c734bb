"""The data of a comparison: options, names, time of day."""

import hashlib
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmdefusion.datasets.pipelines import find_step
from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdefusion.experiments.benchmark import (
    Budget,
    Candidate,
    Comparison,
    DataSet,
    find_candidates,
    known_models,
    models_by_task,
)
from mmdefusion.experiments.benchmark.day_night import scores_by_time
from mmdefusion.experiments.benchmark.fairness import name_start
from mmdefusion.experiments.benchmark.fused_images import write_fused_images
from mmdefusion.experiments.benchmark.report import read_pair

ROOT = Path(__file__).resolve().parents[2]
(MODEL,) = find_candidates(['resnet18-visible_atss'])


@pytest.fixture(scope='module')
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp('data') / 'scenes', train=3, test=6, size=(96, 64))


def load(scenes: Path, kind: str, **more: object) -> DataSet:
    """The scenes, with more options of the data."""
    options = {f'{split}_dataloader.dataset.data_root': str(scenes) for split in ('train', 'test')}
    if kind == 'detection':
        options['test_evaluator.ann_file'] = str(scenes / 'test.json')
    return DataSet.load(ROOT / f'configs/_base_/datasets/scenes-{kind}.py', options | more)


@pytest.mark.parametrize('kind', ['detection', 'segmentation'])
def test_a_stock_data_set_whose_partner_a_rule_finds(kind, scenes, tmp_path):
    """As train, test and infer take it."""
    stock = 'CocoDataset' if kind == 'detection' else 'BaseSegDataset'
    suffixes = {} if kind == 'detection' else dict(img_suffix='.png', seg_map_suffix='.png')
    lines = [f'_base_ = {str(ROOT / f"configs/_base_/datasets/scenes-{kind}.py")!r}']
    for split in ('train', 'test'):
        lines.append(
            f'{split}_dataset = dict(_base_.{split}_dataloader.dataset, type={stock!r}, data_root={str(scenes)!r})\n'
            f'{split}_dataset["data_prefix"].pop("img_ir", None)\n'
            f'{split}_dataset["data_prefix"].pop("img_ir_path", None)\n'
            f'{split}_dataset.update({suffixes})\n'
            f'for step in {split}_dataset["pipeline"]:\n'
            '    if step.type == "mmdefusion.AppendPartner":\n'
            '        step.rule = ("/vi/", "/ir/")\n'
            f'{split}_dataloader = dict(dataset=dict(_delete_=True, **{split}_dataset))'
        )
    if kind == 'detection':
        lines.append(f'test_evaluator = dict(ann_file={str(scenes / "test.json")!r})')
    (tmp_path / 'stock.py').write_text('\n'.join(lines) + '\n')
    data, paired = DataSet.load(tmp_path / 'stock.py'), load(scenes, kind)
    assert [info['img_ir_path'] for info in data.test] == [info['img_ir_path'] for info in paired.test]
    assert all(Path(info['img_ir_path']).is_file() for info in data.train) and data.digest
    text = (tmp_path / 'stock.py').read_text()
    (tmp_path / 'lost.py').write_text(
        text.replace('step.rule = ("/vi/", "/ir/")', 'step.type = "RandomFlip"\n        step.prob = 0.5')
    )
    with pytest.raises(ValueError, match=f'{stock} does not say .* has no AppendPartner'):
        DataSet.load(tmp_path / 'lost.py')


def test_boxes_right_by_day_and_none_by_night(scenes, tmp_path):
    data = load(scenes, 'detection')
    truth = json.loads((scenes / 'test.json').read_text())
    night = {image['id']: image['night'] for image in truth['images']}
    assert len(set(night.values())) == 2
    by_day = [one | dict(score=1.0) for one in truth['annotations'] if not night[one['image_id']]]
    (tmp_path / 'predictions.bbox.json').write_text(json.dumps(by_day))
    assert scores_by_time(tmp_path, data) == pytest.approx(dict(day=100, night=0))


def test_masks_right_by_day_and_empty_by_night(scenes, tmp_path):
    data = load(scenes, 'segmentation')
    (tmp_path / 'predictions').mkdir()
    for info in data.test:
        mask = cv2.imread(info['seg_map_path'], cv2.IMREAD_UNCHANGED)
        predicted = np.zeros_like(mask) if data.is_night(info) else mask
        cv2.imwrite(str(tmp_path / 'predictions' / f'{Path(info["img_path"]).stem}.png'), predicted)
    found = scores_by_time(tmp_path, data)
    assert found['day'] == pytest.approx(100) and 10 < found['night'] < 30  # background alone, of four classes


def test_a_time_of_day_that_the_split_has_none_of(scenes, tmp_path):
    data = load(scenes, 'detection')
    data.config.night = 'nothing'
    for _ in range(2):  # nothing was found: no file of predictions, or an empty one
        found = scores_by_time(tmp_path, data)
        assert found['day'] == 0 and np.isnan(found['night'])
        (tmp_path / 'predictions.bbox.json').write_text('[]')


def test_options_of_the_data_and_of_the_models(scenes, tmp_path):
    data = load(scenes, 'detection', **{'train_dataloader.dataset.indices': 2})
    assert len(data.train) == 2
    options = {'model.bbox_head.stacked_convs': 1, 'optim_wrapper.optimizer.lr': 1e-3}
    trial = Comparison(data, Budget(5), tmp_path, options=options).plan(MODEL, 0)
    assert 'stacked_convs=1' in trial.config and 'lr=0.001' in trial.config
    of_others = {
        'load_from': 'mine.pth',
        'train_cfg.max_iters': 7,
        'model.bbox_head.num_classes': 9,
        'val_dataloader.dataset.data_root': 'mine',
        'val_evaluator.metric': 'proposal',
    }
    for key, value in of_others.items():
        with pytest.raises(ValueError, match=f'{key}={value} has no effect'):
            Comparison(data, Budget(5), tmp_path, options={key: value}).plan(MODEL, 0)
    with pytest.raises(ValueError, match='do not fit'):
        Comparison(data, Budget(5), tmp_path, options={'optim_wrapper.optimizer.lr.x': 1}).plan(MODEL, 0)
    with pytest.raises(ValueError, match='do not fit'):
        load(scenes, 'detection', **{'test_dataloader.dataset.pipeline.9.x': 1})


def test_weights_go_where_the_network_is(scenes, tmp_path):
    weights = str(shipped()['tiny'])
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    comparison = Comparison(load(scenes, 'detection'), Budget(5), tmp_path)
    starts = {}
    for name in ('detection/defusionpp_vit-tiny', 'detection/defusionpp-prior_vit-tiny', 'baselines/resnet18-visible'):
        path = ROOT / f'configs/{name}_atss_1xb4-500i_scenes-160x128.py'
        trial = comparison.plan(Candidate(name.split('/')[1], path, weights), 0)
        config = Config.fromstring(trial.config, '.py')
        starts[name] = config.load_from, (config.model.backbone.get('init_cfg') or {}).get('checkpoint')
        assert (digest in trial.basis) == ('defusionpp' in name)
    assert list(starts.values()) == [(weights, None), (None, weights), (None, None)]


def test_what_would_spoil_the_result_is_refused(scenes, tmp_path):
    with pytest.raises(ValueError, match='test images are training images'):
        prefix = dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/labels')
        load(scenes, 'segmentation', **{'test_dataloader.dataset.data_prefix': prefix})
    twice = write_scenes(tmp_path / 'twice', train=1, test=1, size=(96, 64))
    for kind in ('vi', 'ir', 'labels'):
        (path,) = (twice / 'test' / kind).glob('*.png')
        for part in ('one', 'two'):
            (twice / 'test' / kind / part).mkdir()
            (twice / 'test' / kind / part / path.name).write_bytes(path.read_bytes())
        path.unlink()
    with pytest.raises(ValueError, match='have the same name'):
        load(twice, 'segmentation')
    config = tmp_path / 'bad.py'
    base = ROOT / 'configs/_base_/datasets/scenes-detection.py'
    config.write_text(f'_base_ = {str(base)!r}\nnight = "*N.png"\n')
    options = {f'{split}_dataloader.dataset.data_root': str(scenes) for split in ('train', 'test')}
    with pytest.raises(ValueError, match='no regular expression'):
        DataSet.load(config, options)


def test_models_are_listed_by_what_they_learn_from():
    found = models_by_task()
    assert set(found['boxes']) | set(found['label maps']) == set(known_models())
    assert found['label maps'] == [
        name
        for names in found.values()
        for name in names
        if 'decode_head' in Config.fromfile(known_models()[name]).model  # the names alone are read for the list
    ]
    assert 'resnet18-visible_atss' in found['boxes'] and 'resnet18-visible_fcn' in found['label maps']
    ours = [name.startswith('defusionpp') for name in found['label maps']]
    assert ours == sorted(ours, reverse=True) and 0 < sum(ours) < len(ours)


@pytest.mark.parametrize('kind', ['detection', 'segmentation'])
def test_pairs_without_a_partner_are_drawn_and_fused_alone(kind, tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', train=2, test=2, size=(96, 64))
    lost = sorted((scenes / 'test/ir').iterdir())[0]
    lost.unlink()
    append = dict(type='mmdefusion.AppendPartner', missing='zeros')
    options = {f'{split}_dataloader.dataset.allow_missing_partner': True for split in ('train', 'test')}
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/scenes-{kind}.py')
    for split in ('train', 'test'):
        place = find_step(config[f'{split}_dataloader'].dataset.pipeline, 'AppendPartner')
        options[f'{split}_dataloader.dataset.pipeline.{place}'] = append
    data = load(scenes, kind, **options)
    assert len(data.digest) == 64
    pictures = {info['img_ir_path']: read_pair(info, data) for info in data.test}
    assert [infrared.any() for _, infrared in pictures.values()] == [path != str(lost) for path in pictures]
    write_fused_images(data, tmp_path / 'fused')
    alone = cv2.imread(str(tmp_path / 'fused' / Path('test/vi') / lost.name))
    assert (alone == cv2.imread(str(scenes / 'test/vi' / lost.name))).all()


def test_fused_images_of_other_pairs_are_made_anew(tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=1, size=(96, 64))
    changed = next((scenes / 'test/ir').iterdir())
    images = []
    for turned in (False, True, False):  # at last the first image again, whose fused image is there
        if images:
            cv2.imwrite(str(changed), cv2.imread(str(changed), cv2.IMREAD_UNCHANGED)[::-1])
        os.utime(changed, ns=(0, int(turned)))
        data = load(scenes, 'detection')
        folder = Comparison(data, Budget(5), tmp_path).fused
        write_fused_images(data, folder)
        images.append(cv2.imread(str(folder / 'test/vi' / changed.name)))
    assert not np.array_equal(images[0], images[1]) and np.array_equal(images[0], images[2])


def test_what_a_model_starts_from_is_told_whatever_its_type():
    start = dict(type='Pretrained', checkpoint='a.pth')
    model = dict(backbone=dict(init_cfg=start), teacher=dict(type='X', checkpoint='t.pth'), neck=[start])
    assert name_start(Config(dict(model=model, load_from='whole.pth'))) == 'whole.pth and a.pth and t.pth'
    assert name_start(Config(dict(model=dict(backbone=dict(checkpoint=None)), load_from=None))) == 'random weights'
