"""Draws the figures of docs/method.md, of generated scenes and with the weights that come with the package.

python tools/dev/draw_method.py [--out-dir docs/images]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from mmengine.config import Config
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmdefusion.engine.hooks.pretraining_panel_hook import panel, to_uint8
from mmdefusion.models.checkpoints.weights_fit import read_weights, refuse_misfit
from mmdefusion.models.pretrainers.cud import CUDPretrainer
from mmdefusion.models.structures import Pair
from mmdefusion.registry import MODELS
from mmdefusion.scenes import SceneGenerator
from mmdefusion.utils.files import write_image
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.visualization import contact_sheet
from mmdefusion.visualization.plots import write_figure

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/pretrain/defusionpp-cud_vit-tiny_1xb16-1000i_sample-224x224.py'
SIDE = 224
DAY, NIGHT = 3, 0  # scenes of the generator
BOTH, ONLY_A, ONLY_B = (200, 200, 200), (60, 130, 240), (240, 150, 50)  # BGR
Box = tuple[float, float, str]


def open_model() -> CUDPretrainer:
    """The network of the package's weights with its head of masked feature modelling."""
    model = MODELS.build(Config.fromfile(CONFIG).model)
    state = read_weights('tiny')
    refuse_misfit(model, state, 'tiny')
    model.load_state_dict(state, strict=False)
    return model.eval()


def scene_pair(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Both images of a scene, H×W×3 BGR."""
    scene = SceneGenerator((SIDE, SIDE), night_share=float(index == NIGHT))(index)
    return scene.visible, cv2.cvtColor(scene.infrared, cv2.COLOR_GRAY2BGR)


def to_images(picture: np.ndarray) -> Tensor:
    """1×3×H×W, RGB in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(reverse_channels(picture))).permute(2, 0, 1)[None] / 255


def draw_pretraining(model: CUDPretrainer, index: int, out_dir: Path) -> None:
    """Views with their masks, and what the heads decode from them beside their targets."""
    images = to_images(scene_pair(index)[0])
    sample = next(filter(lambda one: shares_a_third(model, images, one), map(sample_named, range(1000))))
    drawn = {name: to_uint8(one)[0] for name, one in panel(model, images, sample).items()}
    a, b = (mask[0, 0].bool().numpy() for mask in model.seeded_views(images, sample).seen)
    masks = np.zeros((SIDE, SIDE, 3), np.uint8)
    masks[a & b], masks[a & ~b], masks[b & ~a] = BOTH, ONLY_A, ONLY_B
    views = [drawn['image'], drawn['view_a'], drawn['view_b'], masks]
    names = ['image', 'view a', 'view b', 'grey: both, orange: a, blue: b']
    write_image(out_dir / 'method_views.jpg', contact_sheet([views], names, width=SIDE))
    decoded = [drawn[name] for name in ('common', 'unique_a', 'unique_b', 'fused', 'mfm')]
    wanted = [drawn[name] for name in ('common_target', 'unique_a_target', 'unique_b_target', 'image', 'image')]
    names = ['common', 'unique a', 'unique b', 'fused', 'MFM']
    sheet = contact_sheet([decoded, wanted], names, ['decoded', 'target'], width=SIDE)
    write_image(out_dir / 'method_cud.jpg', sheet)


def sample_named(number: int) -> list[BaseDataElement]:
    """A sample with a name, which seeds its views."""
    return [BaseDataElement(metainfo=dict(img_path=f'{number}.png'))]


def shares_a_third(model: CUDPretrainer, images: Tensor, sample: list[BaseDataElement]) -> bool:
    """Whether both views show about a third of the image, so that there is something of everything to see."""
    a, b = model.seeded_views(images, sample).seen
    return 0.3 < float((a * b).mean()) < 0.4 and abs(float(a.mean() - b.mean())) < 0.1


@torch.no_grad()
def draw_tokens(model: CUDPretrainer, scenes: Sequence[int], out_dir: Path) -> None:
    """Pairs, their decoded parts, and the tokens of the parts by their first three principal components."""
    rows = []
    for index in scenes:
        visible, infrared = scene_pair(index)
        decomposition = model.decompose(Pair(to_images(visible), to_images(infrared)), 'mean')
        common, unique_a, unique_b, fused = (to_uint8(one)[0] for one in model.decode(decomposition))
        rows.append([visible, infrared, common, unique_a, unique_b, fused])
        parts = [*decomposition.full(), decomposition.fused]
        colours = components([part[0, 1:] for part in parts], decomposition.features.grid)
        of_sources = components([deep[0, 1:] for deep in decomposition.features.deep], decomposition.features.grid)
        rows.append([*of_sources, *colours])
    names = ['visible', 'infrared', 'common', 'unique to visible', 'unique to infrared', 'fused']
    beside = [name for index in scenes for name in (('night' if index == NIGHT else 'day'), 'tokens')]
    write_image(out_dir / 'method_tokens.jpg', contact_sheet(rows, names, beside, width=SIDE))


def components(tokens: Sequence[Tensor], grid: tuple[int, int]) -> list[np.ndarray]:
    """Tokens N×C as colours, each by its own first three principal components, from the 2nd to the 98th percentile."""
    pictures = []
    for one in tokens:
        centred = one - one.mean(0)
        _, _, directions = torch.linalg.svd(centred, full_matrices=False)
        values = (centred @ directions[:3].T).view(*grid, 3)
        low, high = (torch.quantile(values.flatten(0, 1), share, dim=0) for share in (0.02, 0.98))
        colours = ((values - low) / (high - low)).clip(0, 1).mul(255).byte().numpy()
        pictures.append(cv2.resize(colours, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST))
    return pictures


def draw_scheme(out_dir: Path) -> None:
    """What the three tasks of pretraining compute, as boxes and arrows."""
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), constrained_layout=True)
    source = [(0, 3, 'view a'), (0, 1, 'view b'), (1.2, 2, 'encoder')]
    parts = [(2.6, 3.2, 'unique a'), (2.6, 2, 'common'), (2.6, 0.8, 'unique b')]
    from_source = [(0, 2), (1, 2), (2, 3), (2, 4), (2, 5)]
    fuse = (4.0, 2, 'fusion')
    images = [(5.7, 3.2, 'image where\nonly a shows it'), (5.7, 0.8, 'image where\nonly b shows it')]
    whole = (5.7, 2, 'image')
    shared = (4.2, 4.2, 'image where both show it')
    draw_boxes(
        axes[0],
        'CUD: two views of one image',
        [*source, *parts, fuse, *images, whole, shared],
        [*from_source, (3, 6), (4, 6), (5, 6), (3, 7), (5, 8), (6, 9), (4, 10)],
    )
    dropped = (4.3, 2, '3/4 of the\ntokens dropped')
    draw_boxes(
        axes[1],
        'MFM: the same, from a quarter of the tokens',
        [*source, *parts, dropped, (6.1, 2, 'fusion'), (6.1, 0.9, 'mask tokens,\ndecoder'), (6.1, -0.2, 'image')],
        [*from_source, (3, 6), (4, 6), (5, 6), (6, 7), (7, 8), (8, 9)],
    )
    pair = [(0, 3, 'visible'), (0, 1, 'infrared'), (1.2, 2, 'encoder')]
    teachers = [(2.6, 4.2, 'teacher of visible images, frozen'), (2.6, -0.2, 'teacher of infrared images, frozen')]
    tokens = [(5.0, 3.2, 'its tokens, from\nunique + common'), (5.0, 0.8, 'its tokens, from\nunique + common')]
    draw_boxes(
        axes[2],
        'MCUD: an aligned pair, two teachers',
        [*pair, *parts, *tokens, *teachers],
        [*from_source, (3, 6), (4, 6), (4, 7), (5, 7), (0, 8), (1, 9), (8, 6), (9, 7)],
    )
    write_figure(out_dir / 'method_scheme.png', figure, dpi=80)


def draw_boxes(axis: Axes, title: str, boxes: Sequence[Box], arrows: Sequence[tuple[int, int]]) -> None:
    """Named boxes at x and y, and arrows between them by their places in the list."""
    axis.set(xlim=(-0.6, 6.6), ylim=(-0.6, 4.6), title=title)
    axis.axis('off')
    style = dict(ha='center', va='center', size=9, bbox=dict(boxstyle='round', fc='white', ec='black'), zorder=3)
    drawn = [axis.text(x, y, text, **style) for x, y, text in boxes]
    for start, end in arrows:
        ends = dict(patchA=drawn[start].get_bbox_patch(), patchB=drawn[end].get_bbox_patch(), shrinkA=2, shrinkB=2)
        line = dict(arrowstyle='-|>', color='tab:blue', alpha=0.7, **ends)
        axis.annotate('', boxes[end][:2], boxes[start][:2], arrowprops=line)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out-dir', type=Path, default=ROOT / 'docs/images', help='default: docs/images')
    args = parser.parse_args()
    draw_scheme(args.out_dir)
    model = open_model()
    draw_pretraining(model, DAY, args.out_dir)
    draw_tokens(model, (DAY, NIGHT), args.out_dir)


if __name__ == '__main__':
    main()
