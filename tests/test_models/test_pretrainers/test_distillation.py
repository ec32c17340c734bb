import pytest
import torch
from helpers.pretraining import SMALL, build, fusion_distiller_config, train, write_images
from mmengine.config import Config
from mmengine.runner import Runner
from torch.testing import assert_close

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.layers import luma, patchify
from mmdefusion.models.pretrainers import StudentViews


@pytest.fixture
def config(tmp_path):
    torch.manual_seed(1)
    state = {name: value for name, value in DeFusionEncoder(SMALL).state_dict().items() if 'skip_norm' not in name}
    torch.save({**state, 'pos_embed': torch.randn(1, 10, 32)}, tmp_path / 'vit.pth')
    teacher = dict(type='mmdefusion.ViTTeacher', checkpoint=str(tmp_path / 'vit.pth'), arch=SMALL, layer=2)
    return dict(
        type='mmdefusion.EncoderDistiller',
        data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL, drop_path_rate=0.0),
        teacher=dict(type='mmdefusion.CachedTeacher', folder=str(tmp_path / 'tokens'), teacher=teacher),
        head=dict(type='mmdefusion.DistillationHead', embed_dims=32, teacher_dims=32),
        views=dict(type='mmdefusion.StudentViews', sides=(1, 3)),
    )


def test_views_show_what_their_targets_say():
    images = torch.rand(4, 3, 80, 64) * 0.8
    tokens = patchify(luma(images).expand_as(images), 16).mean(-1, keepdim=True)
    views = StudentViews(sides=(2, 3), jitter=(1.0, 1.0), grey=0.5)  # colours change, their luma does not
    sides = set()
    for _ in range(40):
        view = views(images, tokens)
        side = view.images.shape[-1] // 16
        assert view.images.shape == (4, 3, 16 * side, 16 * side) and view.targets.shape == (4, 1, side, side)
        seen = patchify(luma(view.images).expand_as(view.images), 16).mean(-1, keepdim=True)
        assert_close(seen, view.targets.flatten(2).mT, atol=0.02, rtol=0)  # saturation clips a little
        sides.add(side)
    assert sides == {2, 3}


def test_views_are_mirrored_with_their_targets():
    images = torch.rand(1, 3, 32, 32)
    tokens = torch.arange(4.0).view(1, 4, 1)
    seen = {tuple(StudentViews(sides=(2, 2), flip=0.5)(images, tokens).targets.flatten().tolist()) for _ in range(30)}
    assert seen == {(0, 1, 2, 3), (1, 0, 3, 2)}


def test_grey_views_have_no_colour():
    images = torch.rand(8, 3, 32, 32)
    view = StudentViews(sides=(2, 2), grey=1.0)(images, torch.zeros(8, 4, 1))
    assert (view.images.amax(1) - view.images.amin(1)).max() < 1e-6
    assert not torch.allclose(view.images[0].mean(), view.images[1].mean(), atol=1e-3)


def test_finer_tokens_are_refused(config):
    config['teacher']['teacher']['scale'] = 2
    with pytest.raises(ValueError, match='teacher has scale=2, but tokens of patches learn from it'):
        build(config)


def test_the_student_learns_the_teachers_tokens(config):
    model = build(config)
    model.init_weights()
    images = torch.rand(4, 3, 48, 48)
    ((first, last),) = train(model, [images], steps=60, lr=3e-3).values()
    assert last < 0.7 * first
    assert model(images).shape == (4, 10, 32)
    assert not any(key.startswith('teacher') for key in model.state_dict())


def test_all_that_is_trained_has_a_gradient(config):
    """In several processes the second step waits for those that have none."""
    model = build(config)
    sum(model(torch.rand(2, 3, 48, 48), mode='loss').values()).backward()
    assert not [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]


@pytest.mark.parametrize('fuses', [False, True], ids=['encoder', 'fusion'])
def test_a_head_of_another_width_is_refused(config, fuses):
    config = fusion_distiller_config() if fuses else config
    config['head']['teacher_dims'] = 48
    with pytest.raises(ValueError, match=r'set head\.teacher_dims=32'):
        build(config)


def test_a_run_averages_and_resumes(config, tmp_path):
    write_images(tmp_path / 'vi', 6, size=(64, 64))
    pipeline = [
        dict(type='mmdefusion.LoadAnyImage'),
        dict(type='mmdefusion.RandomResizedCrop', size=48),
        dict(type='mmdefusion.PackImages'),
    ]
    data = dict(type='mmdefusion.ImageFolders', data_root=str(tmp_path), folders='vi', pipeline=pipeline)
    run = dict(
        default_scope='mmengine',
        model=config,
        train_dataloader=dict(
            batch_size=2, dataset=data, sampler=dict(type='mmdefusion.ResumableSampler', augmentations=1)
        ),
        train_cfg=dict(type='mmdefusion.PretrainLoop', max_iters=4, val_interval=10),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)),
        custom_hooks=[
            dict(type='mmdefusion.PlainCheckpointHook'),
            dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1),
        ],
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        work_dir=str(tmp_path / 'work'),
        experiment_name='distil',
    )
    Runner.from_cfg(Config(run)).train()
    assert len(list((tmp_path / 'tokens').glob('*/*.pt'))) == 6  # each image's one crop was asked for once
    run.update(resume=True, experiment_name='resumed', train_cfg=run['train_cfg'] | dict(max_iters=6))
    runner = Runner.from_cfg(Config(run))
    runner.train()
    assert runner.iter == 6
    assert len(list((tmp_path / 'tokens').glob('*/*.pt'))) == 6
