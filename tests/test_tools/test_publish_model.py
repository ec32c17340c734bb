import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import torch
from helpers.pretraining import TEACHER, build, cud_config
from helpers.tools_in_process import run as run_in_process
from helpers.warm_process import run_tool
from torch.testing import assert_close

from mmdefusion.apis import PairedDetInferencer, load_fuser
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.models.teachers import MAETeacher
from mmdefusion.scenes import SceneGenerator

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/model_converters/publish_model.py'
SCENES = ROOT / 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'


def run(*args) -> subprocess.CompletedProcess:
    return run_tool(TOOL, *args)


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    model = build(cud_config())
    state = model.state_dict() | {'teacher_head.proj_infrared.weight': torch.ones(2)}
    path = tmp_path / 'work/iter_20.pth'
    path.parent.mkdir()
    meta = {'cfg': f'model = {cud_config()!r}', 'iter': 20, 'dataset_meta': {'classes': ('person', 'car')}}
    torch.save({'state_dict': state, 'optimizer': {'x': torch.zeros(1000)}, 'meta': meta}, path)
    log = tmp_path / 'work/run/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    lines = [{'loss': 3.0, 'step': 19}, *({'fused/psnr_views': float(step), 'step': step} for step in (10, 20, 30))]
    log.write_text('\n'.join(map(json.dumps, lines)))
    return path


def test_published_weights_fuse(checkpoint, tmp_path):
    result = run(checkpoint, tmp_path / 'out/tiny', '--fp16', '--data', 'ten images')
    assert result.returncode == 0, result.stderr
    (published,) = (tmp_path / 'out').iterdir()
    assert published.name == f'tiny-{hashlib.sha256(published.read_bytes()).hexdigest()[:8]}.pth'
    content = torch.load(published)
    assert set(content) == {'state_dict', 'meta'} and 'teacher_head.proj_infrared.weight' not in content['state_dict']
    assert content['meta']['numbers'] == {'fused/psnr_views': 20.0} and content['meta']['data'] == 'ten images'
    assert content['meta']['dataset_meta'] == {'classes': ('person', 'car')}
    assert content['meta']['git_revision'] == 'unknown' or len(content['meta']['git_revision']) >= 40
    fuser = load_fuser(str(published))
    pair = torch.randn(1, 6, 32, 48)
    expected = load_fuser(str(checkpoint))(pair)
    assert_close(fuser(pair).fused, expected.fused, atol=1e-2, rtol=1e-2)
    assert fuser.neck[0].common == 'mean'


def test_published_without_git(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    run_in_process(TOOL, checkpoint, tmp_path / 'out/tiny', cwd=tmp_path)
    (published,) = (tmp_path / 'out').iterdir()
    assert torch.load(published)['meta']['git_revision'] == 'unknown'


def test_low_rank_updates_are_merged(tmp_path):
    config = cud_config()
    config['backbone']['lora_rank'] = 2
    model = build(config)
    for block in model.backbone.blocks:
        torch.nn.init.normal_(block.attn.qkv.low_rank_up)
    path = tmp_path / 'iter_20.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'cfg': f'model = {config!r}'}}, path)
    run_in_process(TOOL, path, tmp_path / 'again', cwd=tmp_path)
    (published,) = tmp_path.glob('again-*.pth')
    assert not [key for key in torch.load(published)['state_dict'] if 'low_rank' in key]
    pair = torch.randn(1, 6, 32, 48)
    features, expected = load_fuser(published).backbone(pair), model.eval().backbone(pair)
    assert_close(features.deep.a, expected.deep.a, atol=1e-5, rtol=1e-5)
    assert_close(load_fuser(path)(pair).fused, load_fuser(published)(pair).fused)


def test_published_in_safetensors(checkpoint, tmp_path):
    """With its network as plain data, and never the source of its config alone."""
    assert run(checkpoint, tmp_path / 'out/tiny', '--safetensors', '--data', 'ten images').returncode == 0
    (published,) = (tmp_path / 'out').iterdir()
    assert published.name == f'tiny-{hashlib.sha256(published.read_bytes()).hexdigest()[:8]}.safetensors'
    meta = read_checkpoint(published)['meta']
    assert meta['data'] == 'ten images' and meta['model']['backbone']['arch']['depth'] == 3
    pair = torch.randn(1, 6, 32, 48)
    assert_close(load_fuser(published)(pair).fused, load_fuser(checkpoint)(pair).fused)


def as_safetensors(weights: Path, folder: Path) -> Path:
    run_in_process(TOOL, weights, folder / 'again', '--safetensors', cwd=folder)
    (published,) = folder.glob('again-*.safetensors')
    return published


def test_our_fuser_in_safetensors_through_every_reader(tmp_path):
    ours = shipped()['tiny']
    again = as_safetensors(ours, tmp_path)
    before, after = read_checkpoint(ours), read_checkpoint(again)
    assert_close(after['state_dict'], before['state_dict'], rtol=0, atol=0)
    assert after['meta'] == before['meta'] | {'model': after['meta']['model']}
    pair = torch.randn(1, 6, 32, 48)
    assert torch.equal(load_fuser(again)(pair).fused, load_fuser(ours)(pair).fused)
    encoders = [DeFusionEncoder('tiny', init_cfg=start(path, prefix='backbone.')) for path in (ours, again)]
    for encoder in encoders:  # by MMEngine's loader, as ``load_from`` is
        encoder.init_weights()
    assert_close(encoders[1].state_dict(), encoders[0].state_dict(), rtol=0, atol=0)


def start(path: Path, **options: str) -> dict:
    return dict(type='Pretrained', checkpoint=str(path), **options)


def test_our_detector_in_safetensors(tmp_path):
    """Its classes and colours come along, and are drawn."""
    pytest.importorskip('mmdet')
    ours = shipped()['scenes_atss']
    again = as_safetensors(ours, tmp_path)
    scene = SceneGenerator((160, 128), seed=1)(0)
    found = []
    for weights in (ours, again):
        inferencer = PairedDetInferencer(str(SCENES), weights=str(weights), device='cpu', show_progress=False)
        done = inferencer([scene.visible], [scene.infrared], return_vis=True)
        found.append((done['predictions'], done['visualization']))
    assert found[0][0] == found[1][0] and (found[0][1][0] == found[1][1][0]).all()
    assert any(score > 0.3 for score in found[0][0][0]['scores'])


def test_nothing_broken_is_published(checkpoint, tmp_path):
    content = torch.load(checkpoint)
    content['state_dict']['backbone.cls_token'] *= 1e9
    torch.save(content, checkpoint)
    result = run(checkpoint, tmp_path / 'out/tiny', '--fp16')
    assert result.returncode == 1 and "first 'backbone.cls_token'" in result.stderr and 'torch.float16' in result.stderr
    assert not (tmp_path / 'out').exists()
    assert run(tmp_path / 'nowhere.pth', tmp_path / 'x').returncode == 1


def test_a_teacher_in_mae_s_layout(tmp_path):
    model = build(
        dict(
            type='mmdefusion.MAEPretrainer',
            backbone=dict(type='mmdefusion.MAEEncoder', arch=TEACHER),
            decoder=dict(type='mmdefusion.MAEDecoder', in_dims=48, embed_dims=32, depth=1, num_heads=2),
        )
    )
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'iter_1.pth')
    assert run(tmp_path / 'iter_1.pth', tmp_path / 'teacher', '--layout', 'mae').returncode == 0
    (published,) = tmp_path.glob('teacher-*.pth')
    assert 'pos_embed' in torch.load(published)['model']
    teacher = MAETeacher(str(published), arch=TEACHER)
    teacher.init_weights()
    images = torch.rand(1, 3, 32, 32)
    assert_close(teacher(model.normalize(images)), model(images))

    assert run(tmp_path / 'iter_1.pth', tmp_path / 'half', '--layout', 'mae', '--fp16').returncode == 0
    (half,) = tmp_path.glob('half-*.pth')
    teacher = MAETeacher(str(half), arch=TEACHER)
    teacher.init_weights()
    assert_close(teacher(model.normalize(images)), model(images), atol=5e-3, rtol=5e-3)


def test_files_that_are_no_fuser(tmp_path):
    with pytest.raises(FileNotFoundError, match='x.pth is not there'):
        load_fuser(str(tmp_path / 'x.pth'))
    torch.save({'state_dict': {'a': torch.zeros(1)}}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='x.pth carries no config'):
        load_fuser(str(tmp_path / 'x.pth'))
    meta = {'cfg': 'model = dict(backbone=dict())'}
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'meta': meta}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='has no neck, common_head.*does not decode images'):
        load_fuser(str(tmp_path / 'x.pth'))
    meta = {'cfg': 'model = print("run")'}
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'meta': meta}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='carries a config without a plain model'):
        load_fuser(str(tmp_path / 'x.pth'))
    meta = {'cfg': f'model = {cud_config()!r}'}
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'meta': meta}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='lacks the weights of an encoder'):
        load_fuser(str(tmp_path / 'x.pth'))
