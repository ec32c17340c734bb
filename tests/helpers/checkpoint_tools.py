"""The tools that read a checkpoint, with arguments for each: X stands for the checkpoint."""

from pathlib import Path

CONFIGS = {
    'mmdet': 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py',
    'mmseg': 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py',
    'fusion': 'configs/fusion/defusionpp_vit-tiny_tno.py',
    'pretraining': 'configs/pretrain/defusionpp-cud_vit-tiny_1xb16-1000i_sample-224x224.py',
}
PAIR = ['vi.png', 'ir.png']  # in the folder that they run in, with folders vi and ir
FUSING = {
    'fuse.py': [*PAIR, '--weights', 'X', '--device', 'cpu'],
    'analysis_tools/attention_maps.py': [*PAIR, 'X'],
    'analysis_tools/benchmark_fusion.py': ['fuse', '--weights', 'X', '--device', 'cpu'],
    'analysis_tools/compare_fusion.py': ['vi', 'ir', '--weights', 'X'],
    'model_converters/publish_model.py': ['X', 'out'],
}
CONVERTING = {
    'model_converters/publish_model.py mae': ['X', 'out', '--layout', 'mae'],
    'model_converters/reference_to_mmdefusion.py': ['X', 'out.pth'],
    'model_converters/reference_to_mmdefusion.py back': ['X', 'out.pth', '--reverse'],
}
OF_ANY_NETWORK = {'model_converters/average_weights.py': ['X', 'out.pth', '--start-at-zero', 'backbone.']}
TESTING = {
    **{f'test.py {name}': ['ROOT', path, 'X'] for name, path in CONFIGS.items()},
    **{f'infer.py {name}': ['ROOT', CONFIGS[name], 'X', *PAIR, '--device', 'cpu'] for name in ('mmdet', 'mmseg')},
    'analysis_tools/robustness.py mmdet': ['--model', 'ROOT', CONFIGS['mmdet'], 'X'],
}
TRAINING = {
    **{f'train.py {name}': ['ROOT', path, '--cfg-options', 'load_from=X'] for name, path in CONFIGS.items()},
    'train.py --resume mmdet': ['ROOT', CONFIGS['mmdet'], '--resume', 'X'],
    'analysis_tools/compare_pretraining.py mmdet': ['ROOT', CONFIGS['mmdet'], '--weights', 'X'],
    'benchmark.py mmdet': [
        *('--data', 'ROOT', 'configs/_base_/datasets/scenes-detection.py'),
        *('--models', 'defusionpp_vit-tiny_atss', '--weights', 'X'),
    ],
}
ALL = FUSING | CONVERTING | OF_ANY_NETWORK | TESTING | TRAINING


def call_of(tool: str, checkpoint: Path, root: Path) -> tuple[Path, list[str]]:
    """The script and its arguments; ``ROOT`` puts the repository before what follows it."""
    given, parts = [], iter(ALL[tool])
    for part in parts:
        if part == 'ROOT':
            part = str(root / next(parts))
        given.append(str(checkpoint) if part == 'X' else part.replace('=X', f'={checkpoint}'))
    return root / 'tools' / tool.split()[0], given
