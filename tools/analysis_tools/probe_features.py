"""Measures how much the tokens of a network tell of the objects in a patch, with a small classifier on frozen tokens.

    python tools/analysis_tools/probe_features.py --data DATA_CONFIG --model CONFIG [CHECKPOINT] [--model ...]
        [--tokens pixels visible infrared both common unique fused prior] [--size 320x240] [--seeds 0 1 2]

For each patch of 16×16 pixels, the classifier predicts which classes lie in it; it is trained on the tokens of the
training pairs of DATA_CONFIG (any config with labelled pairs, boxes or label maps) and scored by average precision on
its test pairs. CONFIG may be that of any model with an encoder of DeFusion++: pretraining, detector, segmenter. Without
CHECKPOINT, the weights are those of its init_cfg, or random; CHECKPOINT may also be that of a public ViT. Tokens are
cached in --cache, so that an interrupted run can be continued.
"""

import argparse
import json
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger

from mmdefusion.evaluation.trial_scores import mean_and_spread
from mmdefusion.experiments.probe import TOKENS, FeatureReader, LabelledPairs, Patches, ProbeSettings, probe
from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.utils.files import write_text
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Size, interrupted_in_a_line, present_file, size
from mmdefusion.visualization import Table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = '(default: %(default)s)'
    parser.add_argument(
        '--data',
        type=present_file,
        required=True,
        metavar='CONFIG',
        help='config with labelled pairs to train and test',
    )
    parser.add_argument(
        '--model',
        nargs='+',
        action='append',
        required=True,
        metavar='CONFIG [CHECKPOINT]',
        help='a network and its weights; may be repeated',
    )
    parser.add_argument('--tokens', nargs='+', choices=TOKENS, default=['both', 'fused'], help=default)
    parser.add_argument(
        '--layer', type=int, help='block of the encoder after which tokens are taken (default: the last)'
    )
    parser.add_argument('--size', type=size, default=Size(320, 240), metavar='WxH', help=f'of the pairs {default}')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help=default)
    parser.add_argument('--hidden', type=int, default=ProbeSettings.hidden, help=f'units of the classifier {default}')
    parser.add_argument('--epochs', type=int, default=ProbeSettings.epochs, help=f'of the classifier {default}')
    parser.add_argument('--cache', type=Path, default=Path('work_dirs/probe'), help=f'folder of kept tokens {default}')
    parser.add_argument('--out', type=Path, help='JSON file for the scores of each seed')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help="for all models' configs")
    parser.add_argument('--data-options', nargs='+', action=DictAction, default={}, help='for the config of the data')
    args = parser.parse_args()
    if any(len(model) > 2 for model in args.model):
        parser.error('--model takes CONFIG and perhaps CHECKPOINT: give --model again for another model.')
    for config, *_ in args.model:
        if not Path(config).is_file():
            parser.error(f'{config} is not there.')
    return args


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    MMLogger.get_current_instance().setLevel('WARNING')  # avoids a log line for every parameter
    try:
        run(args)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(shown(error)) from None


def run(args: argparse.Namespace) -> None:
    """Probes each kind of tokens of each model, prints the table, and writes the scores."""
    files = {path: str(local_path(path)) for _, *checkpoint in args.model for path in checkpoint}
    for file in files.values():
        read_weights(file)  # before anything takes time
    data = Config.fromfile(args.data)
    data.merge_from_dict(args.data_options)
    splits = [LabelledPairs(data, split, args.size.shape) for split in ('train', 'test')]
    labels = [labels_of(pairs) for pairs in splits]
    settings = ProbeSettings(hidden=args.hidden, epochs=args.epochs)
    classes, rows, scores = splits[1].classes, [], []
    for config, *checkpoint in args.model:
        reader = read_model(config, files[checkpoint[0]] if checkpoint else None, args)
        name = Path(checkpoint[0] if checkpoint else config).stem
        for tokens in args.tokens:
            parts = [
                Patches(reader.read(pairs, tokens, name)[counts], found)
                for pairs, (found, counts) in zip(splits, labels, strict=True)
            ]
            found = [probe(*parts, seed, settings) for seed in args.seeds]
            per_class = zip(*found, strict=True)
            means = [torch.tensor(row).nanmean().item() for row in found]
            rows.append([name, tokens, *map(mean_and_spread, per_class), mean_and_spread(means)])
            scores.append(dict(model=[config, *checkpoint], tokens=tokens, classes=classes, seeds=args.seeds, ap=found))
            print('  '.join(rows[-1]), flush=True)
    caption = f'Average precision per patch, {len(splits[0])} pairs to train, {len(splits[1])} to test'
    print(Table(['model', 'tokens', *classes, 'mean'], rows, caption).text())
    if args.out:
        write_text(args.out, json.dumps(scores, indent=1))


def read_model(path: str, checkpoint: str | None, args: argparse.Namespace) -> FeatureReader:
    config = Config.fromfile(path)
    config.merge_from_dict(args.cfg_options)
    return FeatureReader(config, checkpoint, args.layer, args.cache)


def labels_of(pairs: LabelledPairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels P×K of the patches that count, and which of all patches do."""
    found = [pairs.labels(index) for index in range(len(pairs))]
    counts = torch.cat([counts for _, counts in found])
    return torch.cat([labels for labels, _ in found], dim=1).T[counts], counts


if __name__ == '__main__':
    main()
