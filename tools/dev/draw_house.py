"""Draws the rooms of the package, and which room imports which: docs/images/house.png.

    python tools/dev/draw_house.py [--out docs/images/house.png]

Modules, imports and floors are those of tests/test_architecture.py. At the left the rooms of the house, at the right
those inside ``models``.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from test_architecture import MODULES, imported, name_of  # noqa: E402

from mmdefusion.utils.options import interrupted_in_a_line  # noqa: E402
from mmdefusion.visualization.plots import write_figure  # noqa: E402

HOUSE = (
    ('utils', 'registry'),
    ('visualization', 'rules', 'scenes'),
    ('inference',),
    ('models',),
    ('datasets',),
    ('engine', 'evaluation'),
    ('apis',),
    ('experiments', 'web', 'deployment'),
)
MODELS = (
    ('layers',),
    ('structures',),
    ('checkpoints',),
    ('backbones', 'losses', 'data_preprocessors'),
    ('necks',),
    ('heads', 'fusers', 'defusion_pp'),
    ('networks',),
    ('pretrainers', 'teachers'),
)
Arrow = tuple[str, str]


def arrows(room: Callable[[str], str]) -> set[Arrow]:
    """Pairs of rooms of which the first imports the second; '' is no room."""
    found = set()
    for path in MODULES:
        above = room(name_of(path))
        below = {room(name.removeprefix('mmdefusion.')) for name in imported(path) if name.startswith('mmdefusion.')}
        found |= {(above, other) for other in below if above and other and other != above}
    return found


def draw(axis: Axes, floors: Sequence[Sequence[str]], found: set[Arrow], title: str) -> None:
    """Rooms as boxes, the ground floor below."""
    where = {
        room: ((position + 1) / (len(rooms) + 1), floor)
        for floor, rooms in enumerate(floors)
        for position, room in enumerate(rooms)
    }
    colours = plt.get_cmap('tab10').colors
    for above, below in sorted(found):
        if above not in where or below not in where:
            continue
        # past the rooms between, not through them
        bend = 0.25 if where[above][0] == where[below][0] and where[above][1] - where[below][1] > 1 else 0.05
        style = dict(
            arrowstyle='-|>', color=colours[sorted(where).index(above) % 10], alpha=0.6, shrinkA=12, shrinkB=12
        )
        arrow = style | dict(connectionstyle=f'arc3,rad={bend}')
        axis.annotate('', where[below], where[above], arrowprops=arrow)
    for room, (x, y) in where.items():
        axis.text(x, y, room, ha='center', va='center', bbox=dict(boxstyle='round,pad=0.5', fc='white', ec='black'))
    axis.set(xlim=(0, 1), ylim=(-0.5, len(floors) - 0.5), title=title)
    axis.axis('off')


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = ROOT / 'docs/images/house.png'
    parser.add_argument('--out', type=Path, default=target, help='default: docs/images/house.png')
    args = parser.parse_args()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.5), constrained_layout=True)
    draw(left, HOUSE, arrows(lambda module: module.split('.')[0]), 'mmdefusion/')

    def inside(module: str) -> str:
        """What registers all rooms looks down from above them all."""
        if module == 'models.registered':
            return ''
        return module.split('.')[1] if module.startswith('models.') else ''

    draw(right, MODELS, arrows(inside), 'inside mmdefusion/models/')
    write_figure(args.out, figure, dpi=80)


if __name__ == '__main__':
    main()
