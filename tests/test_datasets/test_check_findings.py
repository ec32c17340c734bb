"""Each thing that check_dataset promises to find: planted in a whole data set, named in one line, exit status 1."""

import copy
import json
import os
import re
import warnings
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from helpers import layouts
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmseg.datasets.transforms import Albu as SegAlbu

from mmdefusion.datasets import albu_faults
from mmdefusion.datasets.checks import check_config, check_dataset
from mmdefusion.datasets.checks.sensors import sensor_guesses
from mmdefusion.datasets.detection import FLIRAlignedDataset
from mmdefusion.datasets.pipeline_faults import THREE_ONLY, pipeline_faults
from mmdefusion.models.data_preprocessors import PairedDetDataPreprocessor
from mmdefusion.registry import DATASETS

LOAD, APPEND = dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner')
RULE = dict(APPEND, rule=('/vi/', '/ir/'))
SHARED = Path(__file__).resolve().parents[3] / 'shared/data'


def stock(root: Path, classes: object = ('person', 'bicycle', 'car'), **options) -> ConfigDict:
    """mmdet's own data set, which drops what it cannot use and says nothing."""
    known = dict(type='mmdet.CocoDataset', data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/'))
    return ConfigDict({**known, 'metainfo': dict(classes=classes), 'pipeline': [LOAD, RULE], **options})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layouts.coco(tmp_path)
    return tmp_path


def change(root: Path, **options) -> None:
    """Changes the first annotation."""
    content = json.loads((root / 'train.json').read_text())
    content['annotations'][0].update(options)
    (root / 'train.json').write_text(json.dumps(content))


def only(report, kind: str) -> str:
    """The one finding of a report, of that kind."""
    assert list(report.troubles) == [kind], report.troubles
    (line,) = report.troubles[kind]
    return line


def test_a_whole_stock_data_set_has_no_finding(root: Path) -> None:
    report = check_dataset(stock(root))
    assert not report.troubles and not report.guesses and report.boxes == 3


@pytest.mark.parametrize(
    'classes, words',
    [
        (('persons', 'cars'), r'classes \(cars, persons\) are not among the categories .*train.json \(bicycle, car'),
        (('car', 'persn'), r'classes \(persn\) are not among'),
        (('car', 'bicycle', 'person'), r"have another order .*set metainfo=dict\(classes=\('person', 'bicycle'"),
    ],
)
def test_classes_that_are_not_those_of_the_file(classes: tuple, words: str, root: Path) -> None:
    report = check_dataset(stock(root, classes))
    (line, *_) = report.wrong_settings
    assert re.search(words, line), line


def test_no_box_of_any_class(root: Path) -> None:
    layouts.m3fd(root / 'voc')
    cfg = ConfigDict(
        type='mmdefusion.M3FDDataset',
        data_root=str(root / 'voc'),
        pipeline=[LOAD, APPEND],
        metainfo=dict(classes=('car', 'lamp')),  # the files say Car and Lamp
    )
    line = only(check_dataset(cfg), 'wrong settings')
    assert line.startswith('none of the 8 boxes is of a class of metainfo (car, lamp), they are of (Car, Lamp)')


def test_classes_as_a_string(root: Path) -> None:
    line = only(check_dataset(stock(root, 'car')), 'wrong settings')
    assert line == "classes='car' is a string, so each of its letters is a class; write a tuple, ('car',)"


@pytest.mark.parametrize(
    'bbox, words',
    [
        ([float('nan'), 1, 5, 5], 'NaN or infinite edges [nan, 1, nan, 6]; remove it'),
        ([1, 1, float('inf'), 5], 'NaN or infinite edges [1, 1, inf, 6]; remove it'),
        ([20, 20, -5, -5], 'is inverted or empty [20, 20, 15, 15]; exchange its corners or remove it'),
        ([20, 20, 0, 5], 'is inverted or empty [20, 20, 20, 25]'),
        ([100, 100, 5, 5], 'lies outside its 64x48 image [100, 100, 105, 105]; is it of another image or size?'),
        ([1, 1, 1e9, 1e9], 'reaches far beyond its 64x48 image [1, 1, 1e+09, 1e+09]; cut it off at the border'),
    ],
)
def test_boxes_that_cannot_be(bbox: list, words: str, root: Path) -> None:
    change(root, bbox=bbox)
    line = only(check_dataset(stock(root)), 'wrong boxes')
    assert line.startswith(f'{root}/train.json, annotation ') and words in line
    assert '(car) ' in line


def test_boxes_in_xml_that_cannot_be(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    layouts.write_xml(tmp_path / 'Annotation/00001.xml', [('Car', (31, 31, 11, 11)), ('Lamp', (41, 5, 51, 25))])
    cfg = ConfigDict(type='mmdefusion.M3FDDataset', data_root=str(tmp_path), pipeline=[LOAD, APPEND])
    line = only(check_dataset(cfg), 'wrong boxes')
    assert line.startswith(f'{tmp_path}/Annotation/00001.xml, object 1 (Car) is inverted')


@pytest.mark.parametrize(
    ('written', 'left_out'),
    [('Car', []), ('car', ['car: 1 boxes']), (' Car', [' Car: 1 boxes']), ('people', ['people: 1 boxes'])],
)
def test_names_of_classes_that_mmdet_does_not_take(written: str, left_out: list[str], tmp_path: Path) -> None:
    """Only KAIST's data set reads them in lower case, and ignores groups of people."""
    layouts.m3fd(tmp_path)
    layouts.write_xml(tmp_path / 'Annotation/00001.xml', [(written, (11, 11, 31, 31)), ('Lamp', (41, 5, 51, 25))])
    cfg = ConfigDict(type='mmdefusion.M3FDDataset', data_root=str(tmp_path), pipeline=[LOAD, APPEND])
    report = check_dataset(cfg)
    assert report.left_out == left_out and report.boxes == len(DATASETS.build(cfg)) * 2 - len(left_out)


def test_unknown_category(root: Path) -> None:
    change(root, category_id=77)
    line = only(check_dataset(stock(root)), 'wrong boxes')
    assert line.startswith(f'{root}/train.json, annotation ') and 'is of category 77, which is none of' in line


def test_classes_that_are_left_out_are_noted(root: Path) -> None:
    content = json.loads((root / 'train.json').read_text())
    content['categories'].append(dict(id=99, name='dog'))
    content['annotations'].append(dict(content['annotations'][0], id=1000, category_id=99))
    (root / 'train.json').write_text(json.dumps(content))
    report = check_dataset(stock(root))
    assert not report.troubles and report.left_out == ['dog: 1 boxes']


HEADS = [
    dict(type='ATSS', bbox_head=dict(type='ATSSHead', num_classes=80)),
    dict(type='FasterRCNN', rpn_head=dict(num_classes=1), roi_head=dict(bbox_head=dict(num_classes=80))),
    dict(type='CascadeRCNN', roi_head=dict(bbox_head=[dict(num_classes=3), dict(num_classes=80)])),
    dict(type='MaskRCNN', roi_head=dict(bbox_head=dict(num_classes=3), mask_head=dict(num_classes=80))),
    dict(type='EncoderDecoder', decode_head=dict(num_classes=80), auxiliary_head=[dict(num_classes=3)]),
    dict(type='EncoderDecoder', decode_head=dict(num_classes=3), auxiliary_head=dict(num_classes=80)),
]


def config(root: Path, model: dict, **options) -> Config:
    model = dict(data_preprocessor=dict(type='mmdefusion.PairedDetDataPreprocessor'), **model)
    return Config(dict(default_scope='mmdet', model=model, train_dataloader=dict(dataset=stock(root, **options))))


@pytest.mark.parametrize('model', HEADS, ids=lambda model: model['type'])
def test_heads_of_another_number_of_classes(model: dict, root: Path) -> None:
    (report,) = check_config(config(root, model))
    line = only(report, 'wrong settings')
    assert '.num_classes=80, the data set has 3 classes (person, bicycle, car); set it to 3' in line
    fitting = Config(json.loads(json.dumps(model).replace('80', '3')))._cfg_dict
    (report,) = check_config(config(root, fitting))
    assert not report.troubles


def test_stock_preprocessor_and_missing_partner(root: Path) -> None:
    for kind in ('DetDataPreprocessor', 'mmdet.DetDataPreprocessor', 'SegDataPreProcessor', None):
        cfg = config(root, {})
        cfg.model.data_preprocessor = None if kind is None else dict(type=kind)
        (report,) = check_config(cfg)
        assert 'made for three channels, and the pipeline appends the infrared image' in only(report, 'wrong settings')
    (report,) = check_config(config(root, {}, pipeline=[LOAD]))
    assert 'the pipeline has no AppendPartner, so no infrared image would reach it' in only(report, 'wrong settings')
    paired = dict(type='mmdefusion.FLIRAlignedDataset', data_prefix=dict(img='vi/', img_ir='ir/'))
    report = check_dataset(stock(root, pipeline=[LOAD], **paired))
    assert 'FLIRAlignedDataset has no AppendPartner, so no infrared image is read' in only(report, 'wrong settings')


FAULTY = [
    (dict(type='PhotoMetricDistortion'), 'takes three channels; put it before AppendPartner'),
    (dict(type='mmdet.YOLOXHSVRandomAug'), 'takes three channels; put it before AppendPartner'),
    (dict(type='Mosaic', img_scale=(64, 64)), 'takes three channels; use mmdefusion.PairedMosaic'),
    (dict(type='Pad', size=(64, 64), pad_val=dict(img=(114, 114, 114))), 'set img=(114, 114, 114, 0)'),
    (dict(APPEND), 'AppendPartner stands twice'),
    (dict(type='RandomChoice', transforms=[[dict(type='PhotoMetricDistortion')]]), 'PhotoMetricDistortion stands'),
    (dict(type='AutoAugment', policies=[[dict(type='Invert', prob=1.0, level=8)]]), 'Invert stands after'),
    (dict(type='RandAugment', aug_num=1, aug_space=[[dict(type='Color')]]), 'Color stands after'),
    (dict(type='AutoAugment'), 'AutoAugment has policies of its own, which take three channels'),
    (dict(type='CutOut', n_holes=1, cutout_ratio=(0.5, 0.5)), 'CutOut fills three channels of a pair that has 4'),
    (dict(type='Expand', mean=(1, 2, 3), to_rgb=False), 'has 4; set mean=(1, 2, 3, 0)'),
    (dict(type='Expand', mean=(1, 2, 3)), 'has 4; set mean=(3, 2, 1, 0), to_rgb=False'),
    (
        dict(type='Expand', mean=(1, 2, 3, 0)),
        'turns mean=(1, 2, 3, 0) around, so that an infrared value fills the blue',
    ),
    (
        dict(
            type='RandomCenterCropPad', crop_size=(9, 9), mean=[1, 2, 3], std=[1, 1, 1], to_rgb=True, test_pad_mode=None
        ),
        'RandomCenterCropPad fills three channels of a pair that has 4; set mean=(3, 2, 1, 0), to_rgb=False',
    ),
    (
        dict(type='Rotate', level=5),
        'fills corners of some channels only (img_border_value=128); set img_border_value=0',
    ),
    (dict(type='mmseg.RandomRotate', prob=1.0, degree=9, pad_val=7), '(pad_val=7); set pad_val=0'),
    (dict(type='RandomAffine'), 'takes three channels; use mmdefusion.PairedRandomAffine'),
    (dict(type='Resize', scale=(20, 20), backend='pillow'), "which takes no pairs; set backend='cv2'"),
    (dict(type='ShearX', prob=1.0, level=8), 'takes three channels; leave it out'),
    (
        dict(type='RandomErasing', n_patches=1, ratio=0.5, img_border_value=(1, 2, 3)),
        'fills 3 channels of a pair that has 4; set img_border_value=(1, 2, 3, 0), or one number',
    ),
    (
        dict(type='MultiBranch', branch_field=['a', 'b'], a=[dict(type='PackDetInputs')], b=dict(type='Invert')),
        'Invert stands after AppendPartner and takes three channels',
    ),
]


@pytest.mark.parametrize('step, words', FAULTY)
def test_steps_that_do_not_suit_pairs(step: dict, words: str, root: Path) -> None:
    line = only(check_dataset(stock(root, pipeline=[LOAD, RULE, step])), 'wrong settings')
    assert words in line
    paired = dict(data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/', img_ir='ir/'))
    with pytest.raises(ValueError, match='pipeline of FLIRAlignedDataset does not suit pairs'):
        FLIRAlignedDataset(**paired, pipeline=[LOAD, APPEND, copy.deepcopy(step)])


@pytest.mark.parametrize('options', [{}, dict(img_border_value=(1, 2, 3, 4)), dict(img_border_value=[7])])
def test_what_erases_objects_erases_them_in_both_images(options: dict, root: Path) -> None:
    """Before AppendPartner it took the labels of objects that the infrared image still showed."""
    step = dict(type='mmdet.RandomErasing', n_patches=1, ratio=0.5, **options)
    (line,) = pipeline_faults([LOAD, step, APPEND])
    assert line.startswith('RandomErasing stands before AppendPartner and erases objects with their labels')
    assert not pipeline_faults([LOAD, APPEND, step])
    image = dict(img=np.full((64, 80, 4), 99, np.uint8), img_shape=(64, 80))
    assert (Compose([step])(image)['img'] != 99).any(axis=2).sum() == 32 * 40
    (line,) = pipeline_faults([LOAD, APPEND, dict(type='mmdefusion.AppendPlace'), step])
    assert 'whose channels it would fill too' in line


def test_a_label_map_that_is_cut_out_with_one_image() -> None:
    step = dict(type='RandomCutOut', prob=0.5, n_holes=1, cutout_shape=(8, 8), fill_in=(0, 0, 0, 0))
    assert not pipeline_faults([LOAD, dict(step, fill_in=(0, 0, 0)), APPEND]) and not pipeline_faults(
        [LOAD, APPEND, dict(step, seg_fill_in=255)]
    )
    (line,) = pipeline_faults([LOAD, dict(step, seg_fill_in=255), APPEND])
    assert line.startswith('RandomCutOut stands before AppendPartner')


def branches(*steps: dict, **others) -> dict:
    """A MultiBranch of mmdet, as semi-supervised detectors have it."""
    return dict(type='MultiBranch', branch_field=['sup', 'student'], student=[*steps], **others)


def test_each_branch_is_a_pipeline_behind_the_outer_steps() -> None:
    flip, invert, pack = dict(type='RandomFlip', prob=0.5), dict(type='Invert'), dict(type='PackDetInputs')
    (line,) = pipeline_faults([LOAD, branches(flip, APPEND, pack)])
    assert line == 'RandomFlip stands before AppendPartner and moves the visible image only; put it after'
    (line,) = pipeline_faults([LOAD, flip, branches(APPEND, pack, sup=[APPEND, pack])])
    assert line.startswith('RandomFlip stands before')
    assert not pipeline_faults([LOAD, branches(invert, APPEND, flip, pack, sup=[APPEND, pack])])
    assert not pipeline_faults([LOAD, branches(invert, flip)])  # no pairs
    (line,) = pipeline_faults([LOAD, branches(APPEND, pack, sup=pack)])
    assert line.startswith('a branch of MultiBranch has no AppendPartner')
    assert pipeline_faults([branches(invert)], appended=True)
    assert pipeline_faults([LOAD, branches(branches(flip, APPEND))])


@pytest.mark.parametrize(
    'outer',
    [
        lambda step: dict(type='TestTimeAug', transforms=[[step], [dict(type='PackDetInputs', meta_keys=())]]),
        lambda step: branches(step, dict(type='PackDetInputs', meta_keys=())),
    ],
)
def test_a_partner_is_appended_inside_another_step(outer, root: Path) -> None:
    """Its options count as those of one that stands alone: size_mismatch, missing and rule."""
    for path in sorted((root / 'ir').iterdir()):
        cv2.imwrite(str(path), np.zeros((9, 9), np.uint8))
    paired = dict(data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/', img_ir='ir/'))
    with DefaultScope.overwrite_default_scope('mmdet'):
        resizing = dict(APPEND, size_mismatch='resize', missing='zeros')
        assert FLIRAlignedDataset(**paired, pipeline=[LOAD, outer(resizing)])[0]['inputs']
        with pytest.raises(ValueError, match="set size_mismatch='resize' in AppendPartner"):
            FLIRAlignedDataset(**paired, pipeline=[LOAD, outer(APPEND)])
        path.unlink()
        with pytest.raises(FileNotFoundError, match="set missing='zeros' or 'copy' in AppendPartner"):
            refusing = dict(APPEND, size_mismatch='resize')
            FLIRAlignedDataset(**paired, allow_missing_partner=True, pipeline=[LOAD, outer(refusing)])
        ruled = FLIRAlignedDataset(
            **dict(paired, data_prefix=dict(img='vi/', img_ir='vi/')),
            allow_missing_partner=True,
            pipeline=[LOAD, outer(dict(RULE, **{key: resizing[key] for key in ('size_mismatch', 'missing')}))],
        )
        assert ruled.get_data_info(0)['img_ir_path'].endswith('ir/000.png')
        report = check_dataset(stock(root, pipeline=[LOAD, outer(dict(resizing, rule=RULE['rule']))]))
        assert not {'wrong settings', 'missing'} & {*report.troubles}, report.troubles


def test_what_fills_pairs_of_two_colour_images() -> None:
    append = dict(type='mmdefusion.AppendPartner', channels=3)
    (line,) = pipeline_faults([LOAD, append, dict(type='Expand', mean=(1, 2, 3))])
    assert line.endswith('has 6; set mean=(3, 2, 1, 0, 0, 0), to_rgb=False')


@pytest.mark.parametrize(
    'step',
    [
        *(dict(type='Pad', size=(64, 80), pad_val=value) for value in (0, dict(img=0), dict(img=(114, 114, 114)))),
        dict(type='Pad', size_divisor=32, padding_mode='edge'),
        dict(type='FixShapeResize', width=64, height=80, keep_ratio=True),
    ],
)
def test_pairs_of_two_colour_images_are_padded_by_the_data_preprocessor(step: dict, root: Path) -> None:
    """OpenCV ended the training at the first image, and did so with the remedy that was told."""
    append = dict(APPEND, channels=3)
    (line,) = pipeline_faults([LOAD, append, step])
    assert line.startswith(
        f'{step["type"]} pads four channels at most (OpenCV) and a pair here has 6; leave padding to'
    )
    paired = dict(data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/', img_ir='ir/'))
    with pytest.raises(ValueError, match='pads four channels at most'):
        FLIRAlignedDataset(**paired, pipeline=[LOAD, append, step])
    with pytest.raises((cv2.error, AssertionError)):  # the step by itself
        Compose([dict(step, type=f'mmdet.{step["type"]}')])(dict(img=np.zeros((8, 10, 6), np.uint8)))
    dataset = FLIRAlignedDataset(**paired, pipeline=[LOAD, append, dict(type='mmdefusion.PackImages')])
    image = dataset[0]['inputs']
    preprocessor = PairedDetDataPreprocessor(pad_size_divisor=32)
    sample = DetDataSample(metainfo=dict(img_shape=image.shape[1:]))
    (batch,) = preprocessor(dict(inputs=[image], data_samples=[sample]))['inputs']
    assert image.shape[0] == batch.shape[0] == 6 and all(side % 32 == 0 for side in batch.shape[1:])
    assert any(side % 32 for side in image.shape[1:])  # something was padded


def test_geometry_before_the_partner_and_a_wrapper_s_pipeline(root: Path) -> None:
    line = only(
        check_dataset(stock(root, pipeline=[LOAD, dict(type='RandomCrop', crop_size=(4, 4)), RULE])), 'wrong settings'
    )
    assert line == 'RandomCrop stands before AppendPartner and moves the visible image only; put it after'
    line = only(check_dataset(stock(root, pipeline=[LOAD, dict(type='Expand'), RULE])), 'wrong settings')
    assert line == 'Expand stands before AppendPartner and moves the visible image only; put it after'
    shear = dict(type='ShearX', prob=1.0, level=8)
    line = only(check_dataset(stock(root, pipeline=[LOAD, shear, RULE])), 'wrong settings')
    assert 'moves the visible image only; leave it out, as it takes three channels' in line
    mix = dict(type='MultiImageMixDataset', dataset=stock(root), pipeline=[dict(type='MixUp', img_scale=(64, 64))])
    (report,) = check_config(Config(dict(default_scope='mmdet', train_dataloader=dict(dataset=mix))))
    assert 'use mmdefusion.PairedMixUp' in only(report, 'wrong settings')


@pytest.mark.parametrize(
    'name, words',
    [
        ('CachedMixUp', 'mixes the visible image only; use mmdefusion.PairedCachedMixUp after it'),
        ('CachedMosaic', 'mixes the visible image only; use mmdefusion.PairedCachedMosaic after it'),
        ('Mosaic', 'mixes the visible image only; use mmdefusion.PairedMosaic after it'),
        ('mmdefusion.PairedMixUp', 'mixes the visible image only; put it after'),
        ('CopyPaste', 'mixes the visible image only; put it after'),
        ('mmseg.RandomMosaic', 'mixes the visible image only; put it after'),
        ('RandomAffine', 'moves the visible image only; use mmdefusion.PairedRandomAffine after it'),
        ('InstaBoost', 'moves the visible image only; leave it out'),
        ('FixShapeResize', 'moves the visible image only; put it after'),
    ],
)
def test_what_mixes_or_moves_the_visible_image_only(name: str, words: str, root: Path) -> None:
    """RTMDet's mixes of the visible image alone stood beside whole infrared images, without a word."""
    paired = dict(data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/', img_ir='ir/'))
    with pytest.raises(ValueError, match=re.escape(words)):
        FLIRAlignedDataset(**paired, pipeline=[LOAD, dict(type=name), APPEND])


@pytest.mark.parametrize('channels', [4, 6])
def test_stock_mixes_that_take_pairs(channels: int) -> None:
    """Those that are to be put after AppendPartner: what they mix lies at the same places in both images."""
    np.random.seed(0)
    whole = np.repeat(np.random.randint(0, 255, (64, 80, 1), np.uint8), channels, 2)
    labels = dict(gt_bboxes=HorizontalBoxes(np.float32([[8, 8, 40, 40]])), gt_bboxes_labels=np.zeros(1, int))
    labels['gt_ignore_flags'] = np.zeros(1, bool)
    seg = dict(gt_seg_map=np.zeros((64, 80), np.uint8), seg_fields=['gt_seg_map'])
    for step, known, others in (
        (dict(type='mmdet.CopyPaste', paste_by_box=True, selected=False), labels, 1),
        (dict(type='mmseg.RandomMosaic', prob=1.0, img_scale=(64, 80)), seg, 3),
    ):
        other = dict(img=255 - whole, **copy.deepcopy(known))
        if others == 1:
            other['gt_masks'] = other['gt_bboxes'].create_masks((64, 80))
        results = dict(img=whole, **copy.deepcopy(known), mix_results=[other] * others)
        mixed = Compose([step])(results)['img']
        assert mixed.shape[2] == channels and (mixed == mixed[..., :1]).all()
        assert not np.array_equal(mixed, whole)


def albu(*names: str, **options) -> dict:
    return dict(type='Albu', transforms=[dict(type=name, p=0.5) for name in names], **options)


def test_steps_of_albumentations_move_both_images_and_mix_no_infrared_with_colours() -> None:
    """By their names: albumentations need not be installed."""
    inside = dict(type='OneOf', transforms=[dict(type='Blur'), dict(type='HorizontalFlip')])
    for step, found in ((albu('ToGray', 'HorizontalFlip'), 'HorizontalFlip'), (albu('Affine', 'X'), 'Affine, X')):
        (line,) = pipeline_faults([LOAD, step, APPEND])
        assert f'Albu stands before AppendPartner with {found}, not known to leave pixels' in line
    (line,) = pipeline_faults([LOAD, dict(albu(), transforms=[inside]), APPEND])
    assert 'with HorizontalFlip, not known' in line
    (line,) = pipeline_faults([LOAD, APPEND, albu('HorizontalFlip', 'ChannelShuffle', 'Blur', 'ToGray')])
    assert line.startswith('Albu stands after AppendPartner with ChannelShuffle, ToGray, which would mix infrared')
    sound = [LOAD, albu('CLAHE', 'RGBShift', 'Blur'), APPEND, albu('RandomCrop', 'CenterCrop', 'Pad', 'GaussNoise')]
    assert not pipeline_faults(sound)


def test_steps_of_albumentations_in_no_list_are_warned_of_where_they_see_pairs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        names = 'GaussNoise', *albu_faults.GEOMETRIC
        assert not pipeline_faults([LOAD, albu('ToGray'), APPEND, albu(*names)])
    with pytest.warns(UserWarning, match=r'after AppendPartner with New, Other, of which is not known[^\n]*$') as told:
        assert not pipeline_faults([LOAD, APPEND, albu('New', 'Blur', 'Other')])
    assert len(told) == 1


def test_mmseg_s_albu_drops_the_infrared_image() -> None:
    assert cv2.cvtColor(np.zeros((4, 4, 4), np.uint8), cv2.COLOR_BGR2RGB).shape == (4, 4, 3)  # as it does
    crop = albu('RandomCrop')
    for step in (dict(crop, type='mmseg.Albu'), dict(crop, type=SegAlbu)):
        (line,) = pipeline_faults([LOAD, APPEND, step])
        assert "mmseg's Albu stands after AppendPartner and drops the infrared image" in line
    with DefaultScope.overwrite_default_scope('mmseg'):
        assert pipeline_faults([LOAD, APPEND, crop]) and not pipeline_faults(
            [LOAD, APPEND, dict(crop, type='mmdet.Albu')]
        )
        assert not pipeline_faults([LOAD, albu('CLAHE'), APPEND])


def test_albu_beside_the_place() -> None:
    place = dict(type='mmdefusion.AppendPlace')
    assert 'between AppendPartner and AppendPlace' in pipeline_faults([LOAD, APPEND, albu('HorizontalFlip'), place])[0]
    assert 'whose channels it would change too' in pipeline_faults([LOAD, APPEND, place, albu('Blur')])[0]
    assert not pipeline_faults([LOAD, APPEND, albu('Blur'), place, albu('HorizontalFlip')])


GEOMETRIES = {
    'Expand': dict(prob=1.0, mean=(1, 2, 3, 4), to_rgb=False),
    'RandomCenterCropPad': dict(
        crop_size=(40, 40), mean=(1, 2, 3, 4), std=(1, 1, 1, 1), to_rgb=False, test_pad_mode=None
    ),
    'CutOut': dict(n_holes=1, cutout_ratio=(0.5, 0.5), fill_in=(0, 0, 0, 0)),
    'RandomCrop': dict(crop_size=(8, 8)),
    'RandomFlip': dict(prob=1.0),
    'Resize': dict(scale=(20, 20)),
    'Pad': dict(size=(96, 96)),
    'Rotate': dict(prob=1.0, level=8, img_border_value=0),
    **{name: dict(prob=1.0, level=8) for name in ('ShearX', 'ShearY', 'TranslateX', 'TranslateY')},
    **{name: {} for name in ('MinIoURandomCrop', 'RandomAffine', 'RandomShift')},
}


@pytest.mark.parametrize('name', GEOMETRIES)
def test_what_moves_images_takes_pairs_or_is_a_fault(name: str, root: Path) -> None:
    np.random.seed(0)
    step = dict(type=f'mmdet.{name}', **GEOMETRIES[name])
    visible = next((root / 'vi').iterdir())
    results = Compose([LOAD, RULE])(dict(img_path=str(visible)))
    results |= dict(gt_bboxes=HorizontalBoxes(np.float32([[1, 1, 6, 6]])), gt_bboxes_labels=np.zeros(1, int))
    results['gt_ignore_flags'] = np.zeros(1, bool)
    if name == 'RandomCenterCropPad':
        results['img'] = np.float32(results['img'])
    if pipeline_faults([LOAD, RULE, step]):
        assert name in (*THREE_ONLY, 'RandomAffine')
        if name == 'RandomAffine':  # it takes pairs, and would leave a black border in the infrared image
            results['img'][:] = 200
            assert sorted({*map(tuple, Compose([step])(results)['img'].reshape(-1, 4).tolist())})[0] == (
                114,
                114,
                114,
                0,
            )
            return
        with pytest.raises((AssertionError, ValueError)):
            Compose([step])(results)
    else:
        assert Compose([step])(results)['img'].shape[2] == 4


def test_pad_with_four_numbers_works(root: Path) -> None:
    pad = dict(type='Pad', size=(64, 80), pad_val=dict(img=(114, 114, 114, 0)))
    dataset = FLIRAlignedDataset(
        data_root=str(root),
        ann_file='train.json',
        data_prefix=dict(img='vi/', img_ir='ir/'),
        pipeline=[LOAD, APPEND, pad],
    )
    image = dataset[0]['img']
    assert image.shape == (80, 64, 4) and image[-1, -1].tolist() == [114, 114, 114, 0]


def test_every_pipeline_of_ours_is_sound() -> None:
    for path in (Path(__file__).resolve().parents[2] / 'configs').rglob('*.py'):
        if '_base_' in path.parts:
            continue
        cfg = Config.fromfile(path)
        loaders = [cfg[key] for key in ('train_dataloader', 'test_dataloader') if cfg.get(key)]
        for loader in loaders:
            dataset = loader.get('dataset') or {}
            assert not pipeline_faults(dataset.get('pipeline') or ()), path


def colour(path: Path) -> None:
    """Turns an image into false colours."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    layouts.write(path, cv2.applyColorMap(grey, cv2.COLORMAP_JET))


def test_false_colours_and_swapped_sensors_are_guessed(root: Path) -> None:
    for path in (root / 'ir').iterdir():
        colour(path)
    report = check_dataset(stock(root))  # the visible images of this layout are grey
    assert not report.troubles and report.guesses[0].startswith('the sensors may be swapped: ')
    for path in (root / 'vi').iterdir():
        colour(path)
    report = check_dataset(stock(root))
    assert not report.troubles and 'may be in false colours' in report.guesses[0]


@pytest.mark.skipif(not SHARED.is_dir(), reason='needs the real pairs of ../shared')
def test_guesses_on_real_pairs_are_right() -> None:
    folders = [('flir_aligned/vi', 'flir_aligned/ir'), ('vifb/vi', 'vifb/ir'), ('roadscene/vi', 'roadscene/ir')]
    folders += [('trees_nir/test/rgb', 'trees_nir/test/nir'), ('llvip/unlabelled/vi', 'llvip/unlabelled/ir')]
    for visible, infrared in folders:
        found = [{path.stem: str(path) for path in (SHARED / folder).iterdir()} for folder in (visible, infrared)]
        pairs = [(found[0][stem], found[1][stem]) for stem in sorted(found[0].keys() & found[1].keys())]
        assert not sensor_guesses(pairs)
        assert 'may be swapped' in sensor_guesses([pair[::-1] for pair in pairs])[0]


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x89PNG\r\n\x1a\n' + bytes(40),
        b'\xff\xd8\xff' + bytes(30),
        b'II*\0\xff\xff\xff\xff',
        b'BM' + bytes(60),
        b'RIFF\0\0\0\0WEBPVP8X',
    ],
)
def test_broken_headers_are_listed_not_died_of(content: bytes, root: Path) -> None:
    (root / 'vi/000.png').write_bytes(content)
    line = only(check_dataset(stock(root)), 'unreadable')
    assert line.startswith(f'{root}/vi/000.png is not an image that can be read')


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    (root / 'ir/000.png').unlink()
    os.mkfifo(root / 'ir/000.png')
    assert 'named pipe' in only(check_dataset(stock(root), pixels=True), 'unreadable')


@pytest.mark.parametrize('content', ['[]', '{"images": 3}', '[' * 100000, 'nothing'])
def test_malformed_annotations_are_listed_not_died_of(content: str, root: Path) -> None:
    (root / 'train.json').write_text(content)
    assert only(check_dataset(stock(root)), 'cannot be loaded')


def test_label_maps_without_any_class(tmp_path: Path) -> None:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', classes=9)
    for path in (tmp_path / 'labels').iterdir():
        layouts.write(path, np.full((48, 64), 255, np.uint8))
    prefix = dict(img_path='vi', img_ir_path='ir', seg_map_path='labels')
    cfg = ConfigDict(
        type='mmdefusion.MSRSDataset', data_root=str(tmp_path), data_prefix=prefix, pipeline=[LOAD, APPEND]
    )
    assert 'has a pixel of a class' in only(check_dataset(cfg), 'wrong labels')


def write_as_tiff(root: Path) -> None:
    for path in (root / 'ir').iterdir():
        cv2.imwrite(str(path.with_suffix('.tif')), cv2.imread(str(path), -1))
        path.unlink()


def test_absent_partners_that_nothing_makes_up(root: Path) -> None:
    """It is said before the training, which a worker would end at the first of them."""
    next((root / 'ir').iterdir()).unlink()
    options = dict(type='mmdefusion.PairedCocoDataset', data_root=str(root), ann_file='train.json')
    options |= dict(data_prefix=dict(img='vi/', img_ir='ir/'), metainfo=dict(classes=('person', 'bicycle', 'car')))
    options |= dict(allow_missing_partner=True)
    with pytest.raises(FileNotFoundError, match=r"1 of 3 partners are not there, first .*; set missing='zeros' or"):
        DATASETS.build(dict(options, pipeline=[LOAD, APPEND]))
    DATASETS.build(dict(options, pipeline=[LOAD, dict(APPEND, missing='copy')]))


@pytest.mark.parametrize('allowed', [False, True])
def test_partners_of_another_ending(allowed: bool, root: Path, caplog) -> None:
    """Nothing is made up where it lies there under another name, and nobody is told that all is well."""
    write_as_tiff(root)
    options = dict(type='mmdefusion.PairedCocoDataset', data_root=str(root), ann_file='train.json')
    options |= dict(data_prefix=dict(img='vi/', img_ir='ir/'), metainfo=dict(classes=('person', 'bicycle', 'car')))
    options |= dict(allow_missing_partner=allowed, pipeline=[LOAD, dict(APPEND, missing='zeros')])
    words = r"3 of 3 partners are not there.*000\.png \(but 000\.tif is: set ir_suffix='\.tif'"
    report = check_dataset(ConfigDict(options))
    assert any(re.search(words, line) for line in report.wrong_settings), report.troubles
    assert not check_dataset(ConfigDict(options, ir_suffix='.tif')).troubles
    if allowed:
        with patch('mmdefusion.datasets.pairing.print_log') as said:
            DATASETS.build(options)
        assert re.search(r'3 of 3 partners are not there and will be made up.*\(but', said.call_args.args[0])
    else:
        with pytest.raises(FileNotFoundError, match=words):
            DATASETS.build(options)


def test_images_of_another_ending_beside_label_maps(tmp_path: Path) -> None:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', 3)
    cv2.imwrite(str(tmp_path / 'vi/more.jpg'), layouts.grey(0))
    prefix = dict(img_path='vi', img_ir_path='ir', seg_map_path='labels')
    cfg = ConfigDict(
        type='mmdefusion.PairedSegDataset',
        data_root=str(tmp_path),
        data_prefix=prefix,
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[LOAD, APPEND],
    )
    (line,) = [one for one in check_dataset(cfg).guesses if 'do not end with' in one]
    assert '1 images in' in line and "do not end with '.png' and are left out, first more.jpg" in line


def test_both_sensors_in_one_folder_are_not_left_out(tmp_path: Path) -> None:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', 2)
    (tmp_path / 'all').mkdir()
    for sensor in ('vi', 'ir'):
        for path in [*(tmp_path / sensor).iterdir()]:
            path.rename(tmp_path / f'all/{path.stem}_{sensor}.png')
    cfg = ConfigDict(
        type='mmdefusion.PairedSegDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='all', img_ir_path='all', seg_map_path='labels'),
        img_suffix='_vi.png',
        ir_suffix='_ir.png',
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[LOAD, APPEND],
    )
    assert not [one for one in check_dataset(cfg).guesses if 'do not end with' in one]
