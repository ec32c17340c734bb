import subprocess
from pathlib import Path

import torch
from helpers.untrained_fuser import build_fuser
from helpers.warm_process import run_tool
from mmengine.runner import load_checkpoint
from torch.testing import assert_close

from mmdefusion.apis import load_fuser
from mmdefusion.models.backbones import ARCHITECTURES
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.registry import MODELS

TOOL = Path(__file__).resolve().parents[2] / 'tools/model_converters/reference_to_mmdefusion.py'


def convert(*args) -> subprocess.CompletedProcess:
    return run_tool(TOOL, *args)


def test_converts_for_a_backbone_and_back(reference, tmp_path):
    source, ours, back = (tmp_path / name for name in ('reference.pth', 'ours.pth', 'back.pth'))
    torch.save({'model': reference}, source)
    assert convert(source, ours).returncode == 0
    assert convert(ours, back, '--reverse').returncode == 0
    assert_close(torch.load(back, weights_only=True)['model'], reference, rtol=0, atol=0)

    backbone = MODELS.build(
        {'type': 'mmdefusion.DeFusionPP', 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(ours)}}
    )
    backbone.init_weights()
    assert_close(backbone.encoder.patch_embed.proj.weight.data, reference['encoder.patch_embed.proj.weight'])
    mixer = reference['recon_blocks_mim_encoder.1.mlp.fc2.bias']
    assert_close(backbone.decomposition.mixer[1].mlp.fc2.bias.data, mixer)


def test_a_converted_checkpoint_fuses(reference, tmp_path):
    """It carries the network, whose preset the weights tell; safetensors hold what is set aside, too."""
    ours, back = tmp_path / 'ours.safetensors', tmp_path / 'back.safetensors'
    torch.save({'model': reference}, tmp_path / 'reference.pth')
    assert convert(tmp_path / 'reference.pth', ours).returncode == 0
    assert load_fuser(ours).backbone.arch == ARCHITECTURES['tiny']
    assert convert(ours, back, '--reverse').returncode == 0
    assert_close(read_checkpoint(back)['state_dict'], reference, rtol=0, atol=0)


def test_errors_are_one_line_that_names_the_file(reference, tmp_path):
    broken = tmp_path / 'broken.pth'
    torch.save({name: value for name, value in reference.items() if name != 'enc_norm1.bias'}, broken)
    result = convert(broken, tmp_path / 'out.pth')
    assert result.returncode == 1 and 'missing: enc_norm1.bias' in result.stderr and 'broken.pth' in result.stderr
    (tmp_path / 'text.pth').write_text('not a checkpoint')
    for name in ('text.pth', 'absent.pth'):
        result = convert(tmp_path / name, tmp_path / 'out.pth')
        assert result.returncode == 1 and name in result.stderr and 'Traceback' not in result.stderr


def test_load_into_a_fuser(reference, tmp_path):
    from mmdefusion.models.networks.reference import from_reference

    torch.save({'state_dict': from_reference(reference).state_dict}, tmp_path / 'ours.pth')
    fuser = build_fuser('tiny')
    load_checkpoint(fuser, str(tmp_path / 'ours.pth'))
    assert_close(fuser.fused_head.proj.bias.data, reference['decoder_fuse_blocks.2.bias'])
