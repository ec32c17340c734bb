"""Draws the floors and rooms of the package, and which room knows which: docs/images/house.png.

    python tools/dev/draw_house.py [--out docs/images/house.png]

Floors are those of tests/test_architecture.py; arrows are the imports as they are, from a room to the rooms below it.
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from test_architecture import FLOORS, MODULES, imported, name_of, room_of  # noqa: E402

GROUND = {
    'utils',
    'registry',
    'version',
    'models',
    'visualization',
}  # known by nearly all: their arrows would hide the rest
COLOURS = plt.get_cmap('tab10').colors


def arrows() -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second."""
    found = set()
    for path in MODULES:
        module = name_of(path)
        below = [name.removeprefix('mmdefusion.') for name in imported(path) if name.startswith('mmdefusion.')]
        found |= {(room_of(module), room_of(name)) for name in below if module}
    return {(above, below) for above, below in found if above != below and below not in GROUND}


def places() -> dict[str, tuple[float, float]]:
    """Middle of each room, floors from the bottom up."""
    return {
        room: ((position + 1) / (len(rooms) + 1), floor)
        for floor, rooms in enumerate(FLOORS)
        for position, room in enumerate(rooms)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out', type=Path, default=ROOT / 'docs/images/house.png', help='default: docs/images/house.png'
    )
    args = parser.parse_args()
    where = places()
    figure, axis = plt.subplots(figsize=(11, 8.5), constrained_layout=True)
    for number, (above, below) in enumerate(sorted(arrows())):
        start, end = where[above], where[below]
        style = dict(
            arrowstyle='-|>', color=COLOURS[sorted(where).index(above) % 10], alpha=0.55, shrinkA=10, shrinkB=10
        )
        bend = 0.06 * (-1) ** number
        axis.annotate('', end, start, arrowprops=style | dict(connectionstyle=f'arc3,rad={bend}'))
    for room, (x, y) in where.items():
        axis.text(x, y, room, ha='center', va='center', bbox=dict(boxstyle='round,pad=0.4', fc='white', ec='black'))
    axis.set(xlim=(0, 1), ylim=(-0.6, len(FLOORS) - 0.4))
    axis.axis('off')
    figure.savefig(args.out, dpi=90)


if __name__ == '__main__':
    main()
