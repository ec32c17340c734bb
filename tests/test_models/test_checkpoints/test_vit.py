"""Public ViTs load in one line, and say what their makers' own code says."""

import re
import time

import pytest
import torch
from helpers.public_vits import DEPTH, HEADS, MODELS, NUMBERS, WIDTH, encoder_of, hidden_states, random_model
from mmengine.model import ConstantInit, PretrainedInit
from safetensors.torch import save_file
from transformers import ViTMAEConfig, ViTMAEModel

from mmdefusion.apis import load_fuser
from mmdefusion.models.backbones import ARCHITECTURES, Architecture, DeFusionEncoder
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.vit import BLOCK, read_vit, resize_patches
from mmdefusion.models.checkpoints.vit_file import begins_from
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.networks.network_config import build_parts, plain_network_config

IN_MEMORY = {  # transformers 5's names in memory -> those in published files
    r'^layers\.': 'encoder.layer.',
    r'\.attention\.q_proj\.': '.attention.attention.query.',
    r'\.attention\.k_proj\.': '.attention.attention.key.',
    r'\.attention\.v_proj\.': '.attention.attention.value.',
    r'\.attention\.o_proj\.': '.attention.output.dense.',
}
PUBLISHED_MLP = {r'\.mlp\.fc1\.': '.intermediate.dense.', r'\.mlp\.fc2\.': '.output.dense.'}  # of ViT and MAE
MMPRETRAIN = {
    r'^patch_embed\.proj': 'patch_embed.projection',
    r'^blocks\.(\d+)\.norm([12])': r'layers.\1.ln\2',
    r'^blocks\.(\d+)\.mlp\.fc1': r'layers.\1.ffn.layers.0.0',
    r'^blocks\.(\d+)\.mlp\.fc2': r'layers.\1.ffn.layers.1',
    r'^blocks\.(\d+)\.attn': r'layers.\1.attn',
}


def renamed(state, *rules):
    for pattern, name in (item for rule in rules for item in rule.items()):
        state = {re.sub(pattern, name, key): value for key, value in state.items()}
    return state


def save(state, path):
    """To either format, without tensors that share their values."""
    state = {key: value.detach().clone().contiguous() for key, value in state.items()}
    save_file(state, path) if path.suffix == '.safetensors' else torch.save(state, path)
    return path


def timm_state(vit):
    """What :func:`read_vit` gave, under timm's names, the positions too."""
    return {**vit.state, 'pos_embed': vit.positions[None]}


@pytest.mark.parametrize('grid', [(4, 4), (10, 13)], ids=['native grid', '10x13'])
@pytest.mark.parametrize('names', ['in memory', 'published'])
@pytest.mark.parametrize('kind', MODELS)
def test_hidden_states_are_those_of_transformers(kind, names, grid, tmp_path):
    model = random_model(kind)
    state = model.state_dict()
    if names == 'published':
        state = renamed(state, IN_MEMORY, PUBLISHED_MLP if kind in ('vit', 'mae') else {})
        assert any('encoder.layer.0.attention.attention.query' in key for key in state)
    encoder = encoder_of(save(state, tmp_path / 'model.safetensors'))
    assert encoder.arch.num_heads == encoder.arch.last_num_heads == HEADS
    images = torch.randn(2, 3, 16 * grid[0], 16 * grid[1])
    with torch.no_grad():
        layers, found = encoder.encode(images)
    assert found == grid
    expected = hidden_states(model, images)
    assert len(layers) == len(expected) == DEPTH + 1
    for ours, theirs in zip(layers, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


@pytest.mark.parametrize('rules', [{}, MMPRETRAIN], ids=['timm', 'mmpretrain'])
@pytest.mark.parametrize('wrapper', ['', 'module.', 'backbone.', 'encoder.', 'vit.', 'module.backbone.'])
def test_layouts_and_prefixes_hold_the_same_weights(wrapper, rules, tmp_path):
    vit = read_vit(random_model('vit').state_dict(), 'a file')
    state = renamed(timm_state(vit), rules)
    state = {f'{wrapper}{key}': value for key, value in state.items()} | {'head.weight': torch.zeros(10, WIDTH)}
    again = encoder_of(save(state, tmp_path / 'vit.pth')).state_dict()
    for key, value in vit.state.items():
        torch.testing.assert_close(again[key], value)
    torch.testing.assert_close(again['position_embedding.base'], vit.positions)


@pytest.mark.parametrize('key', ['model', 'state_dict', 'teacher'])
def test_wrapped_weights_are_found(key, tmp_path):
    state = timm_state(read_vit(random_model('vit').state_dict(), 'a file'))
    torch.save({key: state, 'student': {}, 'epoch': 3}, tmp_path / 'vit.pth')
    torch.testing.assert_close(encoder_of(tmp_path / 'vit.pth').state_dict()['cls_token'], state['cls_token'])


def test_dinov2_of_its_own_repository_with_chunks_and_layer_scale():
    model = random_model('dinov2')
    state = model.state_dict()
    expected = read_vit(state, 'Hugging Face')
    theirs = timm_state(expected)
    for index in range(DEPTH):
        for branch, linear in ((1, 'attn.proj'), (2, 'mlp.fc2')):
            scale = next(state[key] for key in state if f'.{index}.layer_scale{branch}.lambda1' in key)
            theirs[f'blocks.{index}.ls{branch}.gamma'] = scale
            for part in ('weight', 'bias'):
                value = theirs[f'blocks.{index}.{linear}.{part}']
                theirs[f'blocks.{index}.{linear}.{part}'] = value / (scale[:, None] if value.ndim == 2 else scale)
    chunked = {re.sub(r'^blocks\.(\d+)', r'blocks.0.\1', key): value for key, value in theirs.items()}
    for layout in (theirs, chunked):
        found = read_vit(layout, 'its repository')
        for key, value in expected.state.items():
            torch.testing.assert_close(found.state[key], value, rtol=1e-4, atol=1e-6)


def test_an_encoder_of_fewer_blocks_takes_the_first_ones(tmp_path):
    path = save(random_model('dinov2').state_dict(), tmp_path / 'dinov2.pth')
    sizes = dict(embed_dims=WIDTH, num_heads=HEADS, last_num_heads=HEADS)
    whole, first = (encoder_of(path, dict(**sizes, depth=depth)) for depth in (DEPTH, DEPTH - 1))
    image = torch.randn(1, 3, 64, 48)
    with torch.no_grad():
        torch.testing.assert_close(first.encode(image)[0], whole.encode(image)[0][:-1])
    with pytest.raises(ValueError, match=f'with {DEPTH} blocks .* set arch to that of the file'):
        encoder_of(path, dict(**sizes, depth=DEPTH + 1))
    with pytest.raises(ValueError, match=f'of width {WIDTH} with {DEPTH} blocks'):  # the file's own depth
        encoder_of(path, dict(**sizes | dict(embed_dims=2 * WIDTH), depth=DEPTH - 1))
    with pytest.raises(ValueError, match=f'set last_num_heads={HEADS} in arch'):  # inner blocks have no other heads
        encoder_of(path, dict(**sizes | dict(last_num_heads=2 * HEADS), depth=DEPTH - 1))


def test_a_preset_takes_no_deeper_file(tmp_path, monkeypatch):
    path = save(random_model('dinov2').state_dict(), tmp_path / 'dinov2.pth')
    monkeypatch.setitem(ARCHITECTURES, 'shallow', Architecture(WIDTH, DEPTH - 1, HEADS, HEADS))
    with pytest.raises(ValueError, match=f'with {DEPTH} blocks .* set arch to that of the file'):
        encoder_of(path, 'shallow')


def test_mae_with_fixed_positions_keeps_them_fixed(tmp_path):
    mae = ViTMAEModel(ViTMAEConfig(**{**NUMBERS, 'image_size': 224}, patch_size=16, intermediate_size=4 * WIDTH))
    mae.embeddings.patch_embeddings.projection._is_hf_initialized = False  # or it leaves the positions at zero
    mae.embeddings.initialize_weights()
    path = save(mae.state_dict(), tmp_path / 'mae.pth')
    with pytest.raises(ValueError, match="TinyMIM's ViT"):  # heads of another width
        encoder_of(path)
    encoder = encoder_of(path, dict(embed_dims=WIDTH, depth=DEPTH, num_heads=HEADS, last_num_heads=HEADS))
    assert 'position_embedding.base' not in encoder.state_dict()


def test_patches_of_14_pixels_see_on_16_what_they_saw_on_14():
    weight = torch.randn(8, 3, 14, 14, generator=torch.Generator().manual_seed(0))
    patch = torch.randn(1, 3, 14, 14, generator=torch.Generator().manual_seed(1))
    larger = torch.nn.functional.interpolate(patch, size=(16, 16), mode='bilinear', align_corners=False)
    seen, again = (patch * weight).sum((1, 2, 3)), (larger * resize_patches(weight, 16)).sum((1, 2, 3))
    torch.testing.assert_close(again, seen, rtol=1e-4, atol=1e-4)


def test_registers_and_positions_travel_with_the_model(tmp_path):
    encoder = encoder_of(save(random_model('registers').state_dict(), tmp_path / 'registers.pth'))
    same = DeFusionEncoder(encoder.arch).eval()
    same.load_state_dict(encoder.state_dict())
    pair = torch.randn(1, 6, 80, 112)
    with torch.no_grad():
        expected, found = encoder(pair), same(pair)
    assert expected.deep.a.shape == (1, 1 + 5 * 7, WIDTH)
    torch.testing.assert_close(found.deep, expected.deep)
    torch.testing.assert_close(found.skip, expected.skip)


def test_what_does_not_fit_is_named(tmp_path):
    state = timm_state(read_vit(random_model('vit').state_dict(), 'a file'))
    lacking = {key: value for key, value in state.items() if key != 'blocks.1.mlp.fc1.bias'}
    with pytest.raises(CheckpointError, match=r'a file .*missing: blocks\.1\.mlp\.fc1\.bias'):
        read_vit(lacking, 'a file')
    with pytest.raises(CheckpointError, match=r'misshapen: blocks\.2\.attn\.proj\.weight \(3, 3\) instead of'):
        read_vit(state | {'blocks.2.attn.proj.weight': torch.zeros(3, 3)}, 'a file')
    with pytest.raises(CheckpointError, match=r'another kind of ViT: blocks\.0\.attn\.q_norm\.weight'):
        read_vit(state | {'blocks.0.attn.q_norm.weight': torch.zeros(64)}, 'a file')
    with pytest.raises(CheckpointError, match='no square grid'):
        read_vit(state | {'pos_embed': torch.zeros(1, 12, WIDTH)}, 'a file')
    with pytest.raises(CheckpointError, match="2 ViTs, under 'student.', 'teacher.'"):
        read_vit({f'{who}.{key}': value for who in ('student', 'teacher') for key, value in state.items()}, 'a file')
    path = save(state, tmp_path / 'vit.pth')
    with pytest.raises(ValueError, match='width 128 with 3 blocks and 0 register tokens'):
        encoder_of(path, 'deit-tiny')
    with pytest.raises(ValueError, match="arch='auto' is that of a public ViT"):
        DeFusionEncoder('auto')


QKV = 'blocks.0.attn.qkv.weight'
DAMAGES = {  # tensors to put in (None: to take out), and the message
    'block of a large number': (
        {'blocks.2999999.norm1.weight': (4,)},
        'a block of number 2999999, and ViTs of up to 128',
    ),
    'block of 5,000 digits': ({f'blocks.{"9" * 5000}.norm1.weight': (4,)}, 'a block of number 9{20}, and'),
    'digits of another script': ({'blocks.\u0663.norm1.weight': (4,)}, 'another kind of ViT'),
    'patches of 400': ({'patch_embed.proj.weight': (4, 3, 400, 400)}, r'\(4, 3, 400, 400\); patches of 1 to 64 pixels'),
    'patches of 0': ({'patch_embed.proj.weight': (4, 3, 0, 0)}, 'patches of 1 to 64 pixels'),
    'no width': ({'patch_embed.proj.weight': (0, 3, 16, 16)}, 'a width of 1 or more'),
    'positions of rank 0': ({'pos_embed': ()}, r'positions of shape \(\), which are no square grid of width 4'),
    'scale of another width': ({'blocks.0.ls1': (3,)}, r'another kind of ViT: blocks\.0\.ls1'),
    'bias that the scale would stretch': ({'blocks.0.ls1': (4,), 'blocks.0.attn.proj.bias': ()}, r'blocks\.0\.ls1'),
    'scale of rank 0': ({'blocks.0.ls2': ()}, r'another kind of ViT: blocks\.0\.ls2'),
    'qkv of rank 0': ({QKV: (), 'blocks.0.attn.qkv.bias': None}, r'misshapen: blocks\.0\.attn\.qkv\.weight \(\)'),
    'q, k, v of rank 0': (
        {f'blocks.0.attn.{part}.weight': () for part in 'qkv'},
        r'ViT: blocks\.0\.attn\.[qkv]\.weight',
    ),
    'biases of other sizes': (
        {QKV: None} | {f'blocks.0.attn.{part}.weight': (4, 4) for part in 'qkv'} | {'blocks.0.attn.k.bias': ()},
        r'missing: blocks\.0\.attn\.qkv\.weight; .*ViT: blocks\.0\.attn\.[qkv]',
    ),
    'registers of rank 1': ({'register_tokens': (4,)}, r'register_tokens \(4,\) instead of \(1, R, 4\)'),
    'a name of several lines': ({'blocks.0.\n' * 50: (4,)}, r'ViT: blocks\.0\.\\n'),
}


def tiny_vit(width=4, patch=16, depth=1):
    state = {
        f'blocks.{index}.{name}': torch.zeros([width * factor for factor in factors])
        for index in range(depth)
        for name, factors in BLOCK.items()
    }
    patches = {'patch_embed.proj.weight': torch.ones(width, 3, patch, patch)}
    patches['patch_embed.proj.bias'] = torch.zeros(width)
    return state | patches | {'cls_token': torch.zeros(1, 1, width), 'pos_embed': torch.zeros(1, 5, width)}


@pytest.mark.parametrize('name', DAMAGES)
def test_names_and_shapes_of_a_file_decide_nothing_before_they_are_checked(name):
    shapes, message = DAMAGES[name]
    taken_out = [key for key, shape in shapes.items() if shape is None]
    state = tiny_vit() | {key: torch.zeros(shape) for key, shape in shapes.items() if shape is not None}
    state = {key: value for key, value in state.items() if key not in taken_out}
    start = time.process_time()
    with pytest.raises(CheckpointError, match=message) as caught:
        read_vit(state, 'vit.pth')
    assert time.process_time() - start < 2
    line = str(caught.value)
    assert line.startswith('vit.pth ') and '\n' not in line and len(line) < 1000


def test_vits_as_deep_and_as_coarse_as_public_ones_are_read():
    assert read_vit(tiny_vit(depth=48), 'vit.pth').depth == 48
    assert read_vit(tiny_vit(patch=32), 'vit.pth').state['patch_embed.proj.weight'].shape == (4, 3, 16, 16)


def test_one_of_two_vits_is_named_by_its_prefix(tmp_path):
    state = timm_state(read_vit(random_model('vit').state_dict(), 'a file'))
    both = {f'student.{key}': value + 1 for key, value in state.items()}
    path = save(both | {f'ema.{key}': value for key, value in state.items()}, tmp_path / 'both.pth')
    encoder = DeFusionEncoder('auto', init_cfg=dict(type='Pretrained', checkpoint=str(path), prefix='ema.'))
    encoder.init_weights()
    torch.testing.assert_close(encoder.state_dict()['cls_token'], state['cls_token'])


def test_the_whole_network_starts_from_a_public_vit(tmp_path):
    from mmdefusion.models.defusion_pp import DeFusionPP

    path = save(random_model('dinov2').state_dict(), tmp_path / 'dinov2.pth')
    start = dict(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    model = DeFusionPP(arch='auto', encoder=start, pyramid=dict(out_channels=32))
    model.init_weights()
    maps = model.eval()(torch.randn(1, 6, 64, 96))
    assert [tuple(level.shape[1:]) for level in maps] == [(32, 16, 24), (32, 8, 12), (32, 4, 6), (32, 2, 3)]
    vit = read_vit(random_model('dinov2').state_dict(), 'a file')
    torch.testing.assert_close(
        model.encoder.state_dict()['blocks.2.mlp.fc2.weight'], vit.state['blocks.2.mlp.fc2.weight']
    )


def test_a_network_on_a_public_vit_is_whole_in_its_checkpoint(tmp_path):
    encoder = encoder_of(save(random_model('registers').state_dict(), tmp_path / 'registers.pth'))
    fuser = ImageFuser(**build_parts(encoder.arch)).eval()
    fuser.backbone.load_state_dict(encoder.state_dict())
    path = tmp_path / 'fuser.pth'
    torch.save(dict(state_dict=fuser.state_dict(), meta=dict(model=plain_network_config(encoder.arch))), path)
    loaded, pair = load_fuser(str(path)), torch.randn(1, 6, 64, 80)
    with torch.no_grad():
        torch.testing.assert_close(ImageFuser.forward(loaded, pair).fused, fuser(pair).fused)


def test_a_class_as_type_is_the_name(tmp_path):
    """As configs in pure Python write it: the positions must not be lost."""
    path = save(random_model('vit').state_dict(), tmp_path / 'vit.pth')
    encoder = DeFusionEncoder('auto', init_cfg=dict(type=PretrainedInit, checkpoint=str(path)))
    encoder.init_weights()
    assert_same(encoder.state_dict(), encoder_of(path).state_dict())


def test_the_checkpoint_that_a_part_begins_from():
    named = dict(type=PretrainedInit, checkpoint='x.pth')
    for init_cfg in (named, [dict(type='Constant', layer='Conv2d'), dict(named, type='Pretrained')]):
        assert begins_from(init_cfg)['checkpoint'] == 'x.pth'
    assert begins_from(None) is None and begins_from(dict(type=ConstantInit)) is None


def assert_same(found, expected):
    assert found.keys() == expected.keys() and 'position_embedding.base' in found
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key])


def test_what_is_set_aside_is_named_in_a_bounded_line(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('mmdefusion.models.backbones.defusion_encoder.print_log', lambda text, *_: lines.append(text))
    state = timm_state(read_vit(random_model('vit').state_dict(), 'a file'))
    heads = {f'head{number}.\x1b]0;owned\x07\n' + 'x' * 500: torch.zeros(1) for number in range(1000)}
    encoder_of(save(state | heads, tmp_path / 'vit.pth'))
    (line,) = lines
    assert line.isprintable() and 'set aside: head0.' in line and len(line) < 1500
