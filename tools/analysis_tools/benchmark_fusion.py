"""Measures time and memory of fusing, frames per second of a video, and time of scoring against a plain loop.

    python tools/analysis_tools/benchmark_fusion.py fuse [--sizes 640x512 1920x1080 3840x2160] [--target off]
    python tools/analysis_tools/benchmark_fusion.py video [--size 320x256] [--frames 50] [--target off]
    python tools/analysis_tools/benchmark_fusion.py score [--size 640x480] [--pairs 21]

Images are generated scenes. "score" runs tools/eval_fusion.py with each protocol, including the start of its processes,
and a typical loop over scikit-image and scikit-learn calls: entropy, mutual information, SSIM, PSNR, mean squared error
and Sobel edges, one pair at a time.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import torch

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.baseline import mean_of
from mmdefusion.evaluation.functional import PROTOCOLS, flicker
from mmdefusion.rules.options import TASKS, Target
from mmdefusion.scenes import SceneGenerator
from mmdefusion.utils.files import write_image
from mmdefusion.utils.image_io import to_channels
from mmdefusion.utils.measuring import measure
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Size, interrupted_in_a_line, size
from mmdefusion.utils.video_reader import VideoFrames

TOOL = Path(__file__).resolve().parents[1] / 'eval_fusion.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest='what', required=True)
    fuse = tasks.add_parser('fuse', help='seconds and peak memory for images of some sizes')
    fuse.add_argument(
        '--sizes',
        nargs='+',
        type=size,
        default=[Size(640, 512), Size(1920, 1080), Size(3840, 2160)],
        help='sizes of the images (default: 640x512 1920x1080 3840x2160)',
    )
    fuse.add_argument('--repeats', type=int, default=1, help='runs that are timed (default: 1)')
    fuse.add_argument(
        '--task', choices=list(TASKS), default='ivf', help='mef and mff fuse three channels (default: ivf)'
    )
    video = tasks.add_parser('video', help='frames per second of two streams fused into one, and its flicker')
    video.add_argument('--size', type=size, default=Size(320, 256), help='of the frames (default: 320x256)')
    video.add_argument('--frames', type=int, default=50, help='length of the video (default: 50)')
    score = tasks.add_parser('score', help='all metrics beside a loop over scikit-image and scikit-learn')
    score.add_argument('--size', type=size, default=Size(640, 480), help='of the images (default: 640x480)')
    score.add_argument('--pairs', type=int, default=21, help='number of pairs (default: 21)')
    score.add_argument('--workers', type=int, default=2, help='processes that score (default: 2)')
    for task in (fuse, video):
        task.add_argument('--device', help='default: a GPU if there is one')
        task.add_argument('--weights', help='default: those that come with mmdefusion')
        task.add_argument('--target', choices=get_args(Target), help='of images with detail (default: keep for ivf)')
    return parser.parse_args()


def scene(index: int, wanted: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A visible and an infrared image, uint8 BGR; large ones are enlarged, as generating them would take minutes."""
    drawn = SceneGenerator((640, 512))(index)
    visible, infrared = (cv2.resize(image, wanted) for image in (drawn.visible, drawn.infrared))
    return visible, infrared


def fuse(args: argparse.Namespace) -> None:
    print(f'{"size":>12s}{"with detail":>16s}{"peak memory":>14s}{"plain output":>16s}{"peak memory":>14s}')
    for wanted in args.sizes:
        pair, cells = scene(0, wanted), ''
        for detail in ('residual', None):
            options = dict(detail=detail, target=args.target if detail else None, device=args.device)
            fuser = FusionInferencer(args.weights, task=args.task, show_progress=False, **options)
            result = measure(lambda fuser=fuser, pair=pair: fuser(*pair), args.repeats, torch.device(fuser.device))
            cells += f'{result.seconds:14.2f} s{result.peak_bytes / 2**20:10.0f} MiB'
        print(f'{wanted[0]:>7d}x{wanted[1]}{cells}', flush=True)


def video(args: argparse.Namespace) -> None:
    width, height = args.size
    still = scene(1, (width + args.frames, height))
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ('visible.mp4', 'infrared.mp4')]
        for path, picture in zip(paths, still, strict=True):
            writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'mp4v'), 25.0, args.size)
            for shift in range(args.frames):  # the camera pans
                writer.write(to_channels(picture[:, shift : shift + width], 3).copy())
            writer.release()
        fuser = FusionInferencer(args.weights, target=args.target, device=args.device, show_progress=False)
        start = time.perf_counter()
        (fused,) = fuser(*paths, out_dir=Path(folder) / 'fused')
        seconds = time.perf_counter() - start
        grey = [
            [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images] for images in VideoFrames([*paths, fused])
        ]
    changes = [flicker(before, after) for before, after in itertools.pairwise(grey)]
    print(f'{args.frames} frames of {width}x{height} in {seconds:.1f} s: {args.frames / seconds:.2f} frames/s')
    print(f'flicker: {np.mean(changes):.2f} grey levels, the noise of the codec included')


def score(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / name for name in ('vi', 'ir', 'fused')]
        for index in range(args.pairs):
            visible, infrared = (to_channels(image, 1)[..., 0] for image in scene(index, args.size))
            pictures = visible, infrared, mean_of(visible, infrared)
            for folder, picture in zip(folders, pictures, strict=True):
                write_image(folder / f'{index:02d}.png', picture)
        print(f'{args.pairs} pairs of {args.size}, {args.workers} processes')
        print(f'{"":12s}{"metrics":>10s}{"all pairs":>12s}{"loop / this":>14s}')
        start = time.perf_counter()
        for index in range(args.pairs):
            paths = (str(folder / f'{index:02d}.png') for folder in folders)
            count = len(plain_scores(*(cv2.imread(path, cv2.IMREAD_GRAYSCALE) for path in paths)))
        loop = time.perf_counter() - start
        print(f'{"plain loop":12s}{count:10d}{loop:10.1f} s', flush=True)
        for name, protocol in PROTOCOLS.items():
            command = [sys.executable, str(TOOL), '--protocol', name, '--workers', str(args.workers)]
            for option, folder in zip(('--vi', '--ir', '--fused'), folders, strict=True):
                command += [option, str(folder)]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds = time.perf_counter() - start
            print(f'{name:12s}{len(protocol.metrics):10d}{seconds:10.1f} s{loop / seconds:14.2f}', flush=True)


def plain_scores(visible: np.ndarray, infrared: np.ndarray, fused: np.ndarray) -> dict[str, float]:
    """Scores with functions of scikit-image and scikit-learn, on images H×W uint8."""
    from skimage import filters, measure, metrics
    from sklearn.metrics import mutual_info_score

    scores = {'EN': measure.shannon_entropy(fused), 'EI': filters.sobel(fused).mean()}
    for name, source in (('visible', visible), ('infrared', infrared)):
        scores |= {
            f'MI {name}': mutual_info_score(source.ravel(), fused.ravel()),
            f'SSIM {name}': metrics.structural_similarity(source, fused, gaussian_weights=True),
            f'PSNR {name}': metrics.peak_signal_noise_ratio(source, fused),
            f'MSE {name}': metrics.mean_squared_error(source, fused),
        }
    return scores


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    try:
        {'fuse': fuse, 'video': video, 'score': score}[args.what](args)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None


if __name__ == '__main__':
    main()
