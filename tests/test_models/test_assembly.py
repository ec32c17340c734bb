"""What does not fit together is said when a model is built, not by an assertion of a toolbox in its first step."""

import copy
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.registry import MODELS

mmdet = pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
FPN = dict(type='FPN', in_channels=[256, 256, 256], out_channels=256, num_outs=5, start_level=0)
ONE_KEY = dict(type='mmdefusion.DeFusionPP', pyramid=dict(strides=(8, 16, 32)))
DECOMPOSITION = dict(type='mmdefusion.DecompositionNeck', embed_dims=192)


def config_of(head: str) -> Config:
    folder = 'detection' if head in ('atss', 'retinanet') or 'rcnn' in head else 'segmentation'
    return Config.fromfile(ROOT / f'configs/{folder}/defusionpp_vit-tiny_{head}_1xb4-500i_scenes-160x128.py')


def retina_head() -> dict:
    """A head for maps of strides 8 to 128, as in the stock config; that of the zoo reads 4 to 64."""
    head = copy.deepcopy(config_of('retinanet').model.bbox_head)
    head.anchor_generator.strides = [8, 16, 32, 64, 128]
    return head


def build(head: str, **changes: object) -> object:
    config = config_of(head)
    init_default_scope(config.default_scope)
    return MODELS.build(copy.deepcopy(dict(config.model)) | changes)


@pytest.mark.parametrize('head', ['atss', 'retinanet', 'faster-rcnn'])
def test_a_decomposition_is_needed_in_detectors(head):
    mend = r"set neck=\[dict\(type='mmdefusion.DecompositionNeck', embed_dims=192\), dict\(type='mmdefusion.Simple"
    with pytest.raises(ValueError, match=f'DeFusionEncoder gives tokens of both images: {mend}'):
        build(head, neck=None)
    with pytest.raises(ValueError, match=f'FPN .neck. reads maps, but DeFusionEncoder gives tokens.*{mend}'):
        build(head, neck=FPN)
    with pytest.raises(ValueError, match=f'FPN .neck. reads maps, but DecompositionNeck gives tokens.*{mend}'):
        build(head, neck=[DECOMPOSITION, FPN])


@pytest.mark.parametrize('head', ['fcn', 'upernet', 'segformer', 'mask2former'])
def test_a_decomposition_is_needed_in_segmenters(head):
    with pytest.raises(ValueError, match='DeFusionEncoder gives tokens of both images: set neck='):
        build(head, neck=None)


def test_anchors_are_of_the_strides_of_the_maps():
    """RetinaNet's FPN leaves out the finest map unless it is told otherwise."""
    mend = r'AnchorGenerator\(strides=\[\(8, 8\).*finest map is of stride 16: set start_level of the neck \(0 where'
    with pytest.raises(ValueError, match=f'RetinaHead .bbox_head. has {mend}'):
        build('retinanet', backbone=ONE_KEY, neck=FPN | dict(start_level=1), bbox_head=retina_head())
    with pytest.raises(ValueError, match='RPNHead .rpn_head. has AnchorGenerator.*finest map is of stride 8'):
        build('faster-rcnn', backbone=ONE_KEY, neck=FPN)
    with pytest.raises(ValueError, match='RetinaHead .bbox_head. .*finest map is of stride 4'):
        build('retinanet', backbone=dict(type='mmdefusion.DeFusionPP'), neck=None, bbox_head=retina_head())
    coarse = dict(type='mmdefusion.SimpleFeaturePyramid', embed_dims=192, strides=(16, 32), num_outs=5)
    with pytest.raises(ValueError, match='RetinaHead .bbox_head. .*finest map is of stride 16'):
        build('retinanet', neck=[DECOMPOSITION, coarse])
    one_map = dict(in_channels=256, out_channels=512, block_mid_channels=64, num_residual_blocks=1, block_dilations=[2])
    build('retinanet', backbone=ONE_KEY, neck=dict(type='DilatedEncoder', **one_map))  # it chooses the map by itself


def test_regions_are_cut_out_of_maps_of_their_strides():
    head = copy.deepcopy(config_of('faster-rcnn').model.roi_head)
    head.bbox_roi_extractor.featmap_strides = [8, 16, 32]
    mend = r'SingleRoIExtractor\(featmap_strides=\[8, 16, 32\]\), but its finest map is of stride 4: set start_level'
    with pytest.raises(ValueError, match=f'StandardRoIHead .roi_head. has {mend}'):
        build('faster-rcnn', roi_head=head)
    cascade = copy.deepcopy(config_of('cascade-rcnn').model.roi_head)
    cascade.bbox_roi_extractor.featmap_strides = [8, 16, 32]
    with pytest.raises(ValueError, match=f'CascadeRoIHead .roi_head. has {mend}'):
        build('cascade-rcnn', roi_head=cascade)
    masks = copy.deepcopy(config_of('mask-rcnn').model.roi_head)
    masks.mask_roi_extractor.featmap_strides = [8, 16, 32]
    with pytest.raises(ValueError, match=f'StandardRoIHead .roi_head. has {mend}'):
        build('mask-rcnn', roi_head=masks)


def test_regions_of_a_grid_are_cut_out_of_maps_of_their_strides():
    config = Config.fromfile(
        Path(mmdet.__file__).parent / '.mim/configs/grid_rcnn/grid-rcnn_r50_fpn_gn-head_2x_coco.py'
    )
    init_default_scope('mmdet')
    backbone, neck = dict(type='mmdefusion.DeFusionPP'), dict(config.model.neck, in_channels=[256] * 4)
    parts = dict(config.model, data_preprocessor=None, backbone=backbone, neck=neck)
    MODELS.build(copy.deepcopy(parts))
    parts['roi_head'].grid_roi_extractor.featmap_strides = [8, 16, 32]
    with pytest.raises(
        ValueError, match=r'GridRoIHead .roi_head. has SingleRoIExtractor\(featmap_strides=\[8, 16, 32\]'
    ):
        MODELS.build(parts)


def test_a_semantic_branch_reads_a_map_of_its_own():
    config = Config.fromfile(Path(mmdet.__file__).parent / '.mim/configs/htc/htc_r50_fpn_1x_coco.py')
    init_default_scope('mmdet')
    neck = dict(config.model.neck, in_channels=[256] * 4)
    MODELS.build(dict(config.model, data_preprocessor=None, backbone=dict(type='mmdefusion.DeFusionPP'), neck=neck))


def test_widths_of_necks_and_heads():
    build('retinanet', backbone=ONE_KEY, neck=FPN, bbox_head=retina_head())
    forgotten = FPN | dict(in_channels=[256, 512, 1024, 2048])
    with pytest.raises(
        ValueError, match=r'DeFusionPP gives 3 maps of 256.*set neck=dict\(in_channels=\[256, 256, 256\]'
    ):
        build('retinanet', backbone=ONE_KEY, neck=forgotten)
    head = dict(config_of('retinanet').model.bbox_head, in_channels=512)
    with pytest.raises(
        ValueError, match=r'RetinaHead .bbox_head. has in_channels=512.*set bbox_head=dict\(in_channels=256'
    ):
        build('retinanet', backbone=dict(type='mmdefusion.DeFusionPP'), neck=None, bbox_head=head)
    decode = dict(type='UPerHead', in_channels=[256] * 4, in_index=[0, 1, 2, 3], channels=32, num_classes=4)
    auxiliary = dict(auxiliary_head=None, neck=None)
    build('upernet', backbone=dict(type='mmdefusion.DeFusionPP'), decode_head=decode, **auxiliary)
    for wrong in (dict(backbone=ONE_KEY), dict(decode_head=decode | dict(in_channels=[96, 192, 384, 768]))):
        changes = dict(backbone=dict(type='mmdefusion.DeFusionPP'), decode_head=decode) | wrong | auxiliary
        with pytest.raises(
            ValueError, match=r'UPerHead .decode_head. has in_channels=.*DeFusionPP gives [34] maps of 256'
        ):
            build('upernet', **changes)


def test_a_head_of_all_maps_together():
    """FCNHead says the sum of its inputs' channels; the mend names each of them."""
    decode = dict(type='FCNHead', in_index=[0, 1, 2, 3], input_transform='resize_concat', channels=32, num_classes=4)
    changes = dict(backbone=dict(type='mmdefusion.DeFusionPP'), auxiliary_head=None, neck=None)
    build('fcn', decode_head=decode | dict(in_channels=[256] * 4), **changes)
    with pytest.raises(ValueError, match=r'set decode_head=dict\(in_channels=\[256, 256, 256, 256\]'):
        build('fcn', decode_head=decode | dict(in_channels=[192] * 4), **changes)


def test_a_spatial_prior_alone():
    prior = dict(type='mmdefusion.SpatialPrior', strides=(8, 16, 32), widths=(4, 8, 16, 16))
    build('retinanet', backbone=prior, neck=FPN, bbox_head=retina_head())
    with pytest.raises(ValueError, match=r'SpatialPrior gives 3 maps of 128.*set neck=dict\(in_channels=\[128, 128'):
        build('retinanet', backbone=prior | dict(out_channels=128), neck=FPN)


@pytest.mark.parametrize(('head', 'toolbox'), [('atss', 'Det'), ('fcn', 'Seg')])
def test_a_stock_preprocessor(head, toolbox):
    kind = 'DetDataPreprocessor' if toolbox == 'Det' else 'SegDataPreProcessor'
    stock = dict(type=kind, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    mend = f"set data_preprocessor=dict.*type='mmdefusion.Paired{toolbox}DataPreprocessor'"
    with pytest.raises(ValueError, match=f'{kind} normalises 3 channels, but DeFusionEncoder reads pairs: {mend}'):
        build(head, data_preprocessor=stock)
    for name in ('resnet18-visible', 'resnet18-early-fusion', 'resnet18-two-streams', 'spatial-prior'):
        baseline = Config.fromfile(ROOT / f'configs/baselines/{name}_{head}_1xb4-500i_scenes-160x128.py').model
        with pytest.raises(ValueError, match=mend):
            MODELS.build(dict(baseline, data_preprocessor=stock))
    six = dict(type='SegDataPreProcessor', mean=[120.0] * 6, std=[58.0] * 6)
    if toolbox == 'Seg':
        build(head, data_preprocessor=six)
