"""The tab *Compare*."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from mmdefusion.inference.sources import Item
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.utils.spread import evenly_spread

from .comparing import MOST_METHODS, Images, Methods, rank, read_results, score_pair, score_pairs
from .components import PairInputs, network_event
from .examples import example
from .fusing import open_fuser
from .messages import told
from .settings import Settings

MOST_PAIRS = 50  # of the operator's folder that are scored in one click


Answer = tuple[list[tuple[Any, str]], str]  # pictures with captions, and a table in Markdown


def build(settings: Settings) -> None:
    """Builds the tab inside the Blocks that are open.

    Raises:
        OSError, ValueError: if the folder that the operator named cannot be used.
    """
    methods = Methods.read(settings.methods) if settings.methods else None

    def ours() -> Any:
        return open_fuser(settings.weights, settings.device, 'ivf', None, 'residual', None)

    def compare_uploads(first: str | None, second: str | None, resize: bool, files: list[str] | None) -> Answer:
        fuser = ours()
        pair = tuple(fuser.read(Item('pair', inputs.read(first, second, resize, settings))))
        images, rows = score_pair(pair, read_results(files, pair[0].shape[:2], settings), fuser)
        return gallery(pair, images), rank(rows).markdown()

    gr.Markdown(
        'Fused images of other methods beside ours and the mean of the sources, by the 13 metrics of the VIFB '
        'benchmark, for infrared and visible images. What these metrics reward is sharpness and contrast: look, too.'
    )
    with gr.Row():
        with gr.Column(scale=2):
            inputs = PairInputs('compare', lambda number: example('ivf', number))
        with gr.Column(scale=1):
            files = gr.File(
                label=f'Fused images of this pair, 1 to {MOST_METHODS}',
                file_count='multiple',
                type='filepath',
                file_types=['image'],
                height=200,
                elem_id='compare-files',
            )
            button = gr.Button('Compare', variant='primary', elem_id='compare-button')
    choices = FolderChoices(methods) if methods else None
    pictures = gr.Gallery(
        label='Images',
        columns=4,
        object_fit='contain',
        height='auto',
        buttons=['download', 'fullscreen'],
        elem_id='compare-pictures',
    )
    table = gr.Markdown(elem_id='compare-table')
    network_event(button, told(compare_uploads), [*inputs.components, files], [pictures, table])
    if choices:
        choices.connect(ours, pictures, table)


class FolderChoices:
    """The row that chooses pairs of the operator's folder: one by its name, or some that are evenly spread.

    Args:
        methods: the folder.
    """

    def __init__(self, methods: Methods) -> None:
        self.methods, self.names = methods, sorted(methods.files)
        most = min(MOST_PAIRS, len(self.names))
        with gr.Row():
            self.name = gr.Dropdown(self.names, label='A pair of the folder', elem_id='compare-name')
            self.one = gr.Button('Compare this pair', elem_id='compare-one')
            self.count = gr.Slider(1, max(2, most), min(10, most), step=1, label='Pairs, evenly spread')
            self.many = gr.Button('Compare these pairs', elem_id='compare-many')

    def connect(self, ours: Callable[[], Any], pictures: gr.Gallery, table: gr.Markdown) -> None:
        """Lets the buttons compare.

        Args:
            ours: opens our fuser.
            pictures, table: where the answers are shown.
        """

        def compare_one(chosen: str) -> Answer:
            pair, others = self.methods.load(chosen)
            images, rows = score_pair(pair, others, ours())
            return gallery(pair, images), f'{chosen}\n\n{rank(rows).markdown()}'

        def compare_many(wanted: float, progress: gr.Progress) -> str:
            names = evenly_spread(self.names, min(MOST_PAIRS, max(1, round(wanted))))
            rows, caption = score_pairs(
                self.methods, names, ours(), lambda done: progress((done, len(names)), 'scoring')
            )
            return rank(rows, caption).markdown()

        def many_with_progress(wanted: float, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - gradio's way
            return told(compare_many)(wanted, progress)

        network_event(self.one, told(compare_one), [self.name], [pictures, table])
        network_event(self.many, many_with_progress, [self.count], [table])


def gallery(pair: Any, images: Images) -> list[tuple[Any, str]]:
    """Sources and fused images with their names."""
    sources = zip(map(reverse_channels, pair), ('visible', 'infrared'), strict=True)
    return [*sources, *((image, name) for name, image in images.items())]
