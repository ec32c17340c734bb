"""A checkpoint is data: it builds what its tensors are, or is refused in one line, and never runs anything."""

import subprocess
import sys
from inspect import signature

import pytest
import torch
from helpers.pretraining import SMALL, cud_config, write_fuser
from torch.testing import assert_close

from mmdefusion.apis import load_fuser
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.models.networks.network_config import CLASSES, SLOTS, plain_network_config

HEAD = dict(type='mmdefusion.ImageHead', embed_dims=32)
ENCODER = dict(type='mmdefusion.DeFusionEncoder', arch=SMALL)
CALLS = {
    'system': dict(type='os.system', command='touch {canary}'),
    'popen': dict(type='subprocess.Popen', args=['touch', '{canary}']),
    'rmtree': dict(type='shutil.rmtree', path='{victim}'),
    'torch.load': dict(type='torch.load', f='{canary}'),
    'our package': dict(type='mmdefusion.utils.files.make_writable', folder='{canary}'),
}


def filled(value, **places):
    if isinstance(value, dict):
        return {key: filled(item, **places) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, **places) for item in value]
    return value.format(**places) if isinstance(value, str) else value


def carried(model: dict, how: str) -> dict:
    return {'model': model} if how == 'data' else {'cfg': f'model = {model!r}'}


@pytest.mark.parametrize('how', ['data', 'source'])
@pytest.mark.parametrize('nested', [False, True])
@pytest.mark.parametrize('slot', SLOTS)
@pytest.mark.parametrize('call', CALLS)
def test_runs_nothing_that_a_file_names(call, slot, nested, how, tmp_path):
    canary, victim = tmp_path / 'canary', tmp_path / 'victim'
    victim.mkdir()
    part = filled(CALLS[call], canary=canary, victim=victim)
    path = write_fuser(tmp_path / 'x.pth', meta=carried(cud_config(**{slot: [part] if nested else part}), how))
    with pytest.raises(ValueError, match=rf'x.pth: its config names {slot}.type=') as raised:
        load_fuser(path)
    assert '\n' not in str(raised.value)
    assert victim.is_dir() and not canary.exists()


@pytest.mark.parametrize(
    'part, message',
    [
        (dict(backbone=dict(ENCODER, init_cfg=dict(type='os.system', command='true'))), "backbone.'init_cfg'"),
        (dict(neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32, init_cfg={})]), "neck.'init_cfg'"),
        (dict(fused_head=dict(HEAD, extra=1)), "fused_head.'extra'=1, which is none of embed_dims"),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, depth=10**6))), 'backbone.arch.depth=1000000, not a whole'),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, depth=100))), 'depth=100, its weights are of width 32 with 3'),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, embed_dims=10**9))), 'embed_dims=1000000000, not a whole'),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, embed_dims=64))), 'common_head|neck.embed_dims=32'),
        (dict(backbone=dict(ENCODER, arch='base')), 'neck.embed_dims=32, the encoder is of width 768'),
        (dict(backbone=dict(ENCODER, arch='giant')), "arch='giant', not one of"),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, num_heads=5))), 'width of 32 cannot have 5 heads'),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, num_heads=True))), 'num_heads=True, not a whole'),
        (dict(backbone=dict(ENCODER, arch=dict(SMALL, num_heads=0))), 'num_heads=0, not a whole'),
        (dict(backbone=dict(ENCODER, arch=dict(depth=3))), 'without embed_dims'),
        (dict(backbone=dict(ENCODER, arch=[1])), 'not one of'),
        (dict(backbone=dict(ENCODER, drop_path_rate=float('nan'))), 'drop_path_rate=nan, not a share'),
        (dict(backbone=dict(ENCODER, with_cp='yes')), "with_cp='yes', not True or False"),
        (dict(neck=[]), 'neck of 0 parts'),
        (dict(neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32)] * 2), 'neck of 2 parts'),
        (dict(neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32, common='all')]), "common='all', not"),
        (dict(neck=[7]), 'names neck.type=7'),
        (dict(common_head=dict(embed_dims=32)), 'names common_head.type=None'),
        (dict(unique_head=dict(HEAD, embed_dims=64)), 'unique_head.embed_dims=64'),
        (dict(type='os.system'), 'type=.os.system., which is none of'),
        (dict(backbone=None), 'has no backbone'),
    ],
)
def test_refused_in_one_line(part, message, tmp_path):
    path = write_fuser(tmp_path / 'x.pth', meta={'model': cud_config(**part)})
    with pytest.raises(ValueError, match=message) as raised:
        load_fuser(path)
    assert 'x.pth' in str(raised.value) and '\n' not in str(raised.value)


def test_sizes_are_looked_at_before_anything_is_built(tmp_path, monkeypatch):
    """Tensors of one number under the names of a thousand blocks would be gigabytes as blocks."""
    tensors = {f'backbone__blocks__{k}__norm1__weight': torch.zeros(1) for k in range(3, 120)}
    arch = dict(SMALL, depth=120)
    path = write_fuser(tmp_path / 'x.pth', meta={'model': cud_config(backbone=dict(ENCODER, arch=arch))}, **tensors)
    monkeypatch.setattr(
        'mmdefusion.apis.fuser_loading.build_parts', lambda *_, **__: pytest.fail('something was built')
    )
    with pytest.raises(ValueError, match=r'lacks \d+ of the weights, first backbone.blocks.3.norm1.bias'):
        load_fuser(path)
    path = write_fuser(tmp_path / 'y.pth', backbone__cls_token=torch.zeros(1, 2, 32))
    with pytest.raises(ValueError, match='first backbone.cls_token: .1, 2, 32. instead of .1, 1, 32.'):
        load_fuser(path)


@pytest.mark.parametrize(
    'value, message',
    [
        (torch.full((32,), float('nan')), 'NaN or infinite'),
        (torch.full((32,), float('inf')), 'NaN or infinite'),
        (torch.ones(32, dtype=torch.int64), 'no floating-point numbers.*torch.int64'),
        (torch.ones(32, dtype=torch.bool), 'no floating-point numbers.*torch.bool'),
        (torch.ones(32, dtype=torch.complex64), "names 'torch.ComplexFloatStorage'"),
        (torch.quantize_per_tensor(torch.ones(32), 0.1, 0, torch.qint8), "names 'torch.*plain tensors"),
        (torch.ones(32).to_sparse(), "names 'torch.*plain tensors"),
        (torch.ones(33), 'another shape'),
        (None, 'lacks 1 of the weights'),
    ],
)
def test_weights_that_are_none(value, message, tmp_path):
    path = write_fuser(tmp_path / 'x.pth', backbone__skip_norm1__bias=value)
    with pytest.raises(ValueError, match=message) as raised:
        load_fuser(path)
    assert 'x.pth' in str(raised.value) and '\n' not in str(raised.value)


def test_weights_of_another_network(tmp_path):
    path = write_fuser(tmp_path / 'x.pth', backbone__adapter__weight=torch.zeros(1))
    with pytest.raises(ValueError, match='of another arch than the config'):
        load_fuser(path)


def test_carried_data_comes_before_source(tmp_path):
    both = {'model': cud_config(), 'cfg': 'model = print("run")'}
    assert_close(
        load_fuser(write_fuser(tmp_path / 'x.pth', meta=both)).state_dict(),
        load_fuser(write_fuser(tmp_path / 'y.pth')).state_dict(),
    )


def test_a_trusted_config_may_say_what_training_began_from(tmp_path):
    """Trained weights take its place: the file it names need not be there."""
    start = dict(type='Pretrained', checkpoint='nowhere.pth')
    config = tmp_path / 'config.py'
    config.write_text(f'model = {cud_config(backbone=dict(ENCODER, init_cfg=start), init_cfg=start)!r}')
    path = write_fuser(tmp_path / 'x.pth', meta={'iter': 1})
    with pytest.raises(ValueError, match='carries no config'):
        load_fuser(path)
    assert load_fuser(path, str(config)).backbone.embed_dims == 32


def test_every_argument_of_the_encoder_is_known():
    """What training concerns is checked and left out; a network trained with windows fuses with full attention."""
    parameters = signature(DeFusionEncoder).parameters
    training = {'init_cfg'}
    assert set(CLASSES['backbone'][1]) == set(parameters) - training


def test_a_network_trained_with_windows(tmp_path):
    encoder = dict(ENCODER, window=2, global_blocks=1)
    path = write_fuser(tmp_path / 'x.pth', meta={'model': cud_config(backbone=encoder)})
    assert load_fuser(path).backbone.window is None


def test_the_same_from_safetensors(tmp_path):
    fuser = load_fuser(str(shipped()['tiny']))
    content = read_checkpoint(shipped()['tiny'])
    meta = dict(model=plain_network_config(fuser.backbone.arch))
    write_checkpoint(tmp_path / 'tiny.safetensors', content['state_dict'], meta)
    again = load_fuser(tmp_path / 'tiny.safetensors')
    assert_close(again.state_dict(), fuser.state_dict(), rtol=0, atol=0)


def test_needs_no_toolbox_and_no_registry():
    script = """
import sys
for name in ('mmcv', 'mmdet', 'mmseg'):
    sys.modules[name] = None  # importing it fails
from mmengine.registry import Registry
def build(*_, **__): raise AssertionError('a registry was asked')
Registry.build = build
from mmdefusion.apis import load_fuser
load_fuser('tiny', detail=dict(type='mmdefusion.ResidualDetail'), sliding_window=dict(size=112))
"""
    result = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]


def test_fusing_imports_no_toolbox():
    script = (
        'import sys; from mmdefusion.apis import FusionInferencer; print({"mmcv", "mmdet", "mmseg"} & {*sys.modules})'
    )
    result = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert result.stdout.strip() == 'set()', result.stderr[-2000:]
