import pytest
import torch
from helpers.pretraining import SMALL, build, map_distiller_config, train
from torch.nn.functional import adaptive_avg_pool2d
from torch.testing import assert_close

from mmdefusion.models.defusion_pp import DeFusionPP

pytest.importorskip('mmcv')
PRIOR = dict(widths=(8, 8, 16, 16))


@pytest.fixture
def config(tmp_path):
    pyramid = dict(type='mmdefusion.GuidedPyramid', embed_dims=32, out_channels=24, strides=(4, 8, 16), prior=PRIOR)
    return dict(
        type='mmdefusion.PyramidDistiller',
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL, drop_path_rate=0.5),
        neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32), pyramid],
        **map_distiller_config(tmp_path, scale=2),
    )


@pytest.fixture
def model(config):
    model = build(config)
    model.init_weights()
    return model


def test_only_the_pyramid_learns_and_its_tokens_guide_it(model):
    model.train()
    kept = {
        name: value.clone() for name, value in model.state_dict().items() if name.startswith(('backbone', 'neck.0'))
    }
    trained = {name for name, one in model.named_parameters() if one.requires_grad}
    assert all(name.startswith(('neck.1.', 'heads.')) for name in trained)
    losses = train(model, [torch.rand(2, channels, 48, 48) for channels in (6, 3)], steps=40, lr=2e-2)
    assert list(losses) == ['loss_stride4', 'loss_stride8', 'loss_stride16']
    assert all(last < 0.9 * first for first, last in losses.values())
    assert all(one.weight.abs().sum() > 0 for one in model.neck[1].guide.maps)
    for name, value in kept.items():
        assert_close(model.state_dict()[name], value, rtol=0, atol=0)
    assert not model.backbone.training and not model.neck[0].training and model.neck[1].training


def test_finer_tokens_teach_finer_maps(model):
    """A token for each 8×8 pixels: as they are for strides 4 and 8, averaged for 16."""
    model.views.flip, model.views.jitter, model.views.grey, model.views.sides = 0.0, (1.0, 1.0), 0.0, (3, 3)
    pairs = torch.rand(1, 6, 48, 48)
    tokens = model.teacher(model.normalize(torch.cat(pairs.chunk(2, dim=1))))[:, 1:]
    fine = torch.cat(tokens.mT.unflatten(2, (6, 6)).chunk(2), dim=1)
    seen = []
    for head in model.heads:
        head.loss = lambda prediction, targets: seen.append(targets) or prediction.mean()
    model(pairs, mode='loss')
    for targets, grid in zip(seen, (6, 6, 3), strict=True):
        assert_close(targets, adaptive_avg_pool2d(fine, grid).flatten(2).mT)


def test_a_backbone_reads_all_but_what_belongs_to_the_task(model, tmp_path):
    torch.nn.init.normal_(model.neck[1].guide.maps[0].weight)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'taught.pth')
    backbone = DeFusionPP(
        SMALL,
        pyramid=dict(type='mmdefusion.GuidedPyramid', out_channels=40, strides=(8, 16, 32), prior=PRIOR),
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'taught.pth')),
    )
    backbone.init_weights()
    pairs = (backbone.encoder, model.backbone), (backbone.decomposition, model.neck[0])
    for ours, theirs in (
        *pairs,
        (backbone.pyramid.prior.stems, model.neck[1].prior.stems),
        (backbone.pyramid.guide, model.neck[1].guide),
    ):
        assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


def test_other_pyramids_are_taught_too(config):
    for kind in ('SimpleFeaturePyramid', 'FusedPyramid'):
        options = dict(strides=(4, 8, 16)) if kind == 'SimpleFeaturePyramid' else {}
        config['neck'][1] = dict(type=f'mmdefusion.{kind}', embed_dims=32, out_channels=24, **options)
        if kind == 'FusedPyramid':  # it always has a map at stride 32
            with pytest.raises(ValueError, match='leave out what is coarser'):
                build(config)
        else:
            losses = build(config)(torch.rand(2, 6, 48, 48), mode='loss')
            assert list(losses) == ['loss_stride4', 'loss_stride8', 'loss_stride16']


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(head=dict(type='mmdefusion.DistillationHead', embed_dims=24, teacher_dims=32)), 'teacher_dims=64'),
        (dict(strides=(8, 16, 32)), 'leave out what is coarser'),
    ],
)
def test_what_does_not_fit_is_refused(config, wrong, message):
    config['neck'][1] |= {key: value for key, value in wrong.items() if key == 'strides'}
    with pytest.raises(ValueError, match=message):
        build({**config, **{key: value for key, value in wrong.items() if key != 'strides'}})
