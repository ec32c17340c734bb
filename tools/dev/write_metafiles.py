"""Writes metafile.yml of every folder of configs, and model-index.yml: parameters and GFLOPs of each.

    python tools/dev/write_metafiles.py [--only NAME ...]

Both are measured on one pair of the size in the config's name (tools/analysis_tools/get_flops.py does the same), of
fusion on one window; of pretraining only parameters are counted. What is in the metafiles already is not measured again
unless it is named with --only.

Results are written into the metafiles by hand and stay there. They are of a config as it stands: those of the project's
benchmark (docs/benchmark.md) are not among them, as it trains with light heads, on images of other sizes and with other
budgets. As it stands, a config without any has been built and run for an iteration or two in the tests, no more.
"""

import argparse
import re
from pathlib import Path

import yaml
from mmengine.config import Config

from mmdefusion.experiments.complexity import build_model, count_operations, pair_of_noise
from mmdefusion.utils.files import write_text
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ('detection', 'segmentation', 'baselines', 'pretrain', 'fusion', 'demo', 'comparison')
WINDOW = 224, 224  # of fusion
COLLECTION = {
    'Name': 'DeFusion++',
    'Metadata': {'Architecture': ['DeFusion++ encoder', 'Common and unique decomposition']},
    'Paper': {
        'Title': 'Fusion from Decomposition: A Self-Supervised Approach for Image Fusion and Beyond',
        'URL': 'https://arxiv.org/abs/2410.12274',
    },
    'README': 'README.md',
}
BASELINES = {'Name': 'Baselines', 'README': 'configs/baselines/README.md'}
COLLECTIONS = {'detection': COLLECTION, 'baselines': BASELINES}  # in the metafile of the first that has it


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='*', default=[], metavar='NAME', help='measure these again')
    args = parser.parse_args()
    metafiles = []
    for folder in FOLDERS:
        path = ROOT / 'configs' / folder / 'metafile.yml'
        known = {}
        if path.is_file():
            known = {model['Name']: model for model in yaml.safe_load(path.read_text())['Models']}
        models = []
        for config in track(sorted(path.parent.glob('*.py')), folder):
            name = config.stem
            before = known.get(name, {})
            metadata = before.get('Metadata') if name not in args.only else None
            models.append(describe(config, metadata or measure(config), before.get('Results')))
        content = {'Models': models}
        if folder in COLLECTIONS:
            content = {'Collections': [COLLECTIONS[folder]], **content}
        write_text(path, yaml.safe_dump(content, sort_keys=False, width=120))
        metafiles.append(path.relative_to(ROOT).as_posix())
    write_text(ROOT / 'model-index.yml', yaml.safe_dump({'Import': metafiles}))


def measure(path: Path) -> dict:
    """Parameters, and operations on a pair of the size in the config's name."""
    config = Config.fromfile(path)
    model = build_model(config)
    found = {'Parameters': sum(parameter.numel() for parameter in model.parameters())}
    if path.parent.name != 'pretrain':
        size = re.search(r'-(\d+)x(\d+)(?:_|$)', path.stem)
        width, height = map(int, size.groups()) if size else WINDOW
        found['FLOPs'] = count_operations(model, pair_of_noise(config, height, width))
        found['Input'] = f'a pair of {width}x{height}'
    return found


def describe(path: Path, metadata: dict, results: list[dict] | None) -> dict:
    """A model's entry."""
    entry = {
        'Name': path.stem,
        'In Collection': COLLECTIONS.get(path.parent.name, COLLECTION)['Name'],
        'Config': path.relative_to(ROOT).as_posix(),
        'Metadata': metadata,
    }
    if results:
        entry['Results'] = results
    return entry


if __name__ == '__main__':
    main()
