"""Checkpoints of a real network whose own words about it ask for calls or for gigabytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from helpers.pretraining import SMALL, build, cud_config

from .canary import Canary
from .hostile_pickles import Writer

SLOTS = ('backbone', 'neck', 'common_head', 'unique_head', 'fused_head')
ENCODER = dict(type='mmdefusion.DeFusionEncoder', arch=SMALL)
HEAD = dict(type='mmdefusion.ImageHead', embed_dims=32)
NECK = dict(type='mmdefusion.DecompositionNeck', embed_dims=32)


class Fuser:
    """Writes the weights of one small network with any meta; they are made once."""

    def __init__(self) -> None:
        self.state = build(cud_config()).state_dict()

    def write(self, path: Path, meta: Any, **weights: Any) -> None:
        """``weights`` take the place of those of these names, dots as ``__``; None leaves one out."""
        state = self.state | {name.replace('__', '.'): value for name, value in weights.items()}
        state = {name: value for name, value in state.items() if value is not None}
        torch.save({'state_dict': state, 'meta': meta}, path)


def named_calls(canary: Canary) -> dict[str, dict]:
    file, victim = str(canary.file), str(canary.victim)
    return {
        'os.system': dict(type='os.system', command=f'touch {file}'),
        'subprocess.Popen': dict(type='subprocess.Popen', args=['touch', file]),
        'subprocess.run': dict(type='subprocess.run', args=['touch', file]),
        'shutil.rmtree': dict(type='shutil.rmtree', path=victim),
        'os.mkdir': dict(type='os.mkdir', path=file),
        'torch.load': dict(type='torch.load', f=file),
        'builtins.exec': dict(type='builtins.open', file=file, mode='w'),
        'ours': dict(type='mmdefusion.utils.files.make_writable', folder=file),
    }


def calling_configs(canary: Canary, fuser: Fuser) -> Iterator[tuple[str, Writer]]:
    """Functions in every slot, alone and in lists, as plain data and as Python source."""
    for kind, call in named_calls(canary).items():
        for slot in SLOTS:
            for where, part in {'alone': call, 'in a list': [call]}.items():
                model = cud_config(**{slot: part})
                for how, meta in {'data': {'model': model}, 'source': {'cfg': f'model = {model!r}'}}.items():
                    yield f'{kind} as {slot}, {where}, {how}', lambda path, meta=meta: fuser.write(path, meta)
        nested = cud_config(backbone=dict(ENCODER, init_cfg=call), fused_head=dict(HEAD, init_cfg=[call]))
        yield f'{kind} as init_cfg', lambda path, nested=nested: fuser.write(path, {'cfg': f'model = {nested!r}'})
        within = cud_config(backbone=dict(ENCODER, arch=call))
        yield f'{kind} as arch', lambda path, within=within: fuser.write(path, {'model': within})


def sources(canary: Canary, fuser: Fuser) -> Iterator[tuple[str, Writer]]:
    """Python in place of data."""
    file = repr(str(canary.file))
    touch = f'open({file}, "w").close()'
    texts = {
        'import': f'import os; os.mkdir({file})\nmodel = {cud_config()!r}',
        'call': f'model = {touch}',
        'lambda': f'model = (lambda: {touch})()',
        'comprehension': f'model = [{touch} for _ in range(2)]',
        'walrus': f'model = (x := {touch})',
        'f-string': 'model = f"{' + touch.replace('"', "'") + '}"',
        'attribute': 'model = ().__class__.__base__.__subclasses__()',
        'base': f'_base_ = [{file}]\nmodel = {cud_config()!r}',
        'class': f'class A:\n    {touch}\nmodel = {cud_config()!r}',
        'decorator': f'@open({file}, "w").close\ndef model(): pass',
        'exec': f'exec({touch!r})',
        'conditional': f'if 1:\n    {touch}\nmodel = {cud_config()!r}',
        'star': f'model = dict(**{touch})',
        'brackets': 'model = ' + '[' * 10**5,
        'minuses': 'model = ' + '-' * 10**6 + '1',
        'sums': 'model = ' + '1+' * 10**5 + '1',
        'dots': 'model = a' + '.b' * 10**5,
        'nots': 'model = ' + 'not ' * 10**5 + '1',
        'power': 'model = 9**9**9**9',
        'long number': 'model = ' + '9' * 10**6,
        'long text': 'model = "' + 'x' * 10**7 + '"',
        'many names': '=\\\n'.join(f'a{k}' for k in range(10**5)) + '= 1',
        'nulls': 'model = 1\0',
        'coding': '# coding: rot13\nzbqry = 1',
        'no model': 'a = 1',
        'bytes': b'model = 1',
        'number': 7,
    }
    for kind, text in texts.items():
        yield f'source: {kind}', lambda path, text=text: fuser.write(path, {'cfg': text})
    resumed = {'config': f'{touch}', 'iter': 1, 'epoch': 1, 'cfg': f'model = {cud_config()!r}'}
    yield 'source: config that MMEngine runs on resuming', lambda path: fuser.write(path, resumed)


def sizes(fuser: Fuser) -> Iterator[tuple[str, Writer]]:
    """Numbers that are not those of the weights, or no numbers."""
    arches = {
        'depth of a million': dict(SMALL, depth=10**6),
        'depth of 120': dict(SMALL, depth=120),
        'negative depth': dict(SMALL, depth=-1),
        'true depth': dict(SMALL, depth=True),
        'width of a billion': dict(SMALL, embed_dims=10**9),
        'width of 64': dict(SMALL, embed_dims=64),
        'fractional width': dict(SMALL, embed_dims=32.0),
        'text as width': dict(SMALL, embed_dims='32'),
        'no heads': dict(SMALL, num_heads=0),
        'uneven heads': dict(SMALL, num_heads=3),
        'a billion heads': dict(SMALL, last_num_heads=10**9),
        'list as depth': dict(SMALL, depth=[3]),
        'unknown field': dict(SMALL, window=7),
        'unknown preset': 'giant',
        'another preset': 'base',
        'no arch': None,
        'list as arch': [1],
    }
    for kind, arch in arches.items():
        model = cud_config(backbone=dict(ENCODER, arch=arch))
        yield f'size: {kind}', lambda path, model=model: fuser.write(path, {'model': model})
    parts = {
        'neck of nothing': dict(neck=[]),
        'neck of a million': dict(neck=[NECK] * 10**5),
        'neck of a number': dict(neck=[7]),
        'head of 64': dict(fused_head=dict(HEAD, embed_dims=64)),
        'head of a billion': dict(fused_head=dict(HEAD, embed_dims=10**9)),
        'head of another class': dict(fused_head=dict(NECK)),
        'unknown argument': dict(fused_head=dict(HEAD, depth=10**6)),
        'no type': dict(common_head=dict(embed_dims=32)),
        'class as type': dict(common_head=dict(HEAD, type=7)),
        'NaN as share': dict(backbone=dict(ENCODER, drop_path_rate=float('nan'))),
        'no slot': dict(unique_head=None),
        'text as slot': dict(unique_head='mmdefusion.ImageHead'),
        'another network': dict(type='os.system'),
    }
    for kind, changed in parts.items():
        model = cud_config(**changed)
        yield f'size: {kind}', lambda path, model=model: fuser.write(path, {'model': model})
    for kind, meta in {'model is a list': {'model': [1]}, 'no meta': None, 'meta is text': 'x'}.items():
        yield f'meta: {kind}', lambda path, meta=meta: fuser.write(path, meta)


def tensors(fuser: Fuser) -> Iterator[tuple[str, Writer]]:
    """Weights that are none."""
    bias, meta = torch.ones(32), {'model': cud_config()}
    values = {
        'NaN': torch.full((32,), float('nan')),
        'infinite': torch.full((32,), float('-inf')),
        'half, infinite': torch.full((32,), 70_000.0).half(),
        'integers': bias.long(),
        'bytes': bias.byte(),
        'booleans': bias.bool(),
        'complex': bias.to(torch.complex64),
        'eight bits': bias.to(torch.float8_e4m3fn),
        'sparse': bias.to_sparse(),
        'quantised': torch.quantize_per_tensor(bias, 0.1, 0, torch.qint8),
        'on no device': bias.to('meta'),
        'longer': torch.ones(33),
        'shorter': torch.ones(31),
        'of two dimensions': torch.ones(1, 32),
        'of none': torch.tensor(1.0),
        'empty': torch.ones(0),
        'stretched': torch.ones(1).expand(32),
        'absent': None,
        'text': 'x',
        'list': [1.0] * 32,
    }
    for kind, value in values.items():
        yield f'tensor: {kind}', lambda path, value=value: fuser.write(path, meta, backbone__skip_norm1__bias=value)
    blocks = {f'backbone__blocks__{k}__norm1__weight': torch.ones(1) for k in range(3, 120)}
    deep = {'model': cud_config(backbone=dict(ENCODER, arch=dict(SMALL, depth=120)))}
    yield 'tensor: names of 117 blocks', lambda path: fuser.write(path, deep, **blocks)
    yield 'tensor: wide token', lambda path: fuser.write(path, meta, backbone__cls_token=torch.ones(1, 1, 10**6))
    yield 'tensor: token of no dimension', lambda path: fuser.write(path, meta, backbone__cls_token=torch.tensor(1.0))
    prefixes = ('module.module.', 'backbone.', '../', 'model.', '\0', 'ü')
    for prefix in prefixes:
        renamed = {f'{prefix}{name}': value for name, value in fuser.state.items()}
        yield (
            f'prefix {prefix!a}',
            lambda path, renamed=renamed: torch.save({'state_dict': renamed, 'meta': meta}, path),
        )
    odd = {7: torch.ones(1), None: torch.ones(1), ('a', 'b'): torch.ones(1), b'c': torch.ones(1), 'x' * 10**6: bias}
    yield 'keys that are no names', lambda path: torch.save({'state_dict': odd, 'meta': meta}, path)
    layout = {'blocks.x.attn': bias, 'patch_embed.proj.weight': torch.tensor(1.0), 'cls_token': torch.tensor(1.0)}
    layout |= {'blocks.0.attn.qkv.weight': bias, 'norm.weight': bias, 'pos_embed': torch.ones(1, 1, 10**7)}
    yield 'an encoder of nonsense', lambda path: torch.save({'model': layout}, path)
    wide = dict(layout, **{'patch_embed.proj.weight': torch.ones(10**6, 1)})
    yield 'an encoder of width a million', lambda path: torch.save({'model': wide}, path)
