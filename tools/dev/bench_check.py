"""Compares the speed of this state with the ratios in speed_ratios.json: names what has become slower.

    python tools/dev/bench_check.py [--update] [--plot FILE.png]

Ratios of a form's processor time to the textbook's on one thread, in one process and in turn, so that other work on the
machine matters little. What is slower by more than the noise of both measurements is named, and the exit code is 1;
--update writes the ratios of this state. Ratios differ between machines and versions of torch: compare like with like.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from mmdefusion.experiments.speed import compare, lines, measure_works, ratios
from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.visualization.plots import plot_bars

RATIOS = Path(__file__).with_name('speed_ratios.json')
CASES = (  # works, side, batch, forms
    (['features'], 224, 4, ['ours', 'bf16', 'textbook']),
    (['features'], 512, 1, ['ours', 'windowed', 'pooled', 'bf16', 'textbook']),
    (['pretraining'], 224, 2, ['ours', 'bf16', 'textbook']),
)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--update', action='store_true', help='write the ratios of this state')
    parser.add_argument('--repeats', type=int, default=5, help='rounds that are timed (default: 5)')
    parser.add_argument('--plot', type=Path, help='bars of then and now')
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for works, side, batch, forms in CASES:
        for result in measure_works(works, [(side, side)], batch, forms, args.repeats, torch.device('cpu'), 'cpu'):
            print(*lines(result), sep='\n', flush=True)
            results.append(result)
    now, about = ratios(results), dict(torch=torch.__version__, cpu=torch.backends.cpu.get_cpu_capability())
    if args.update:
        write_text(RATIOS, json.dumps(dict(about=about, ratios=now), indent=1) + '\n')
        return
    stored = json.loads(RATIOS.read_text(encoding='utf-8'))
    if stored['about'] != about:
        print(f'The ratios are from {stored["about"]}, this is {about}: --update writes those of this machine.')
    changes = compare(stored['ratios'], now)
    print(*changes, sep='\n')
    if args.plot:
        bars = {'before': [one.before for one in changes], 'now': [one.now for one in changes]}
        names = [one.name.replace(' ', '\n') for one in changes]
        write_image(args.plot, plot_bars(names, bars, 'times as fast as the textbook'))
    slower = [one.name for one in changes if one.slower]
    sys.exit(f'Slower than the noise explains: {"; ".join(slower)}.' if slower else 0)


if __name__ == '__main__':
    main()
