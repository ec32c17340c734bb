"""The tab *Fuse*."""

from typing import Any

import gradio as gr

from .components import PairInputs, network_event
from .examples import example
from .fusing import NAMES, PROTOCOL, open_fuser, show
from .messages import told
from .settings import Settings

TASK_NAMES = {'infrared and visible': 'ivf', 'two exposures': 'mef', 'two foci': 'mff'}
COLOURS = {
    'as the task needs': None,
    'of the first image': 'luma',
    'as the network gives them': 'rgb',
    'of the other exposure where one is overexposed': 'exposed',
    'grey': 'grey',
}
DETAILS = {'from the sources': 'residual', "none: the network's plain output": None}
TARGETS = {
    'as the task needs': None,
    'keep people and skies': 'keep',
    'highlight all that is hot': 'highlight',
    'off: by contrast alone': 'off',
}
LABELS = ('First image (visible)', 'Second image (infrared)')
CHOICES = (TASK_NAMES, COLOURS, DETAILS, TARGETS)
ABOUT = {
    'vifb': 'The 13 metrics of the VIFB benchmark',
    'extra': 'MEF-SSIM, MS-SSIM and FMI of pixels',
}


def build(settings: Settings) -> None:
    """Builds the tab inside the Blocks that are open."""

    def fuse(first: str | None, second: str | None, resize: bool, *options: str) -> tuple[Any, ...]:
        task, colour, detail, target = (lookup(names, option) for names, option in zip(CHOICES, options, strict=True))
        fuser = open_fuser(settings.weights, settings.device, task, colour, detail, target)
        shown = show(inputs.read(first, second, resize, settings, fuser.reading), fuser, task)
        pictures = [(image, caption) for caption, image in shown.pictures.items()]
        words = f'{ABOUT[PROTOCOL[task]]}; the better number of each row is bold. ↑: more is better, ↓: less is.'
        names = NAMES[task]
        sliders = [
            gr.ImageSlider((source, shown.fused), label=f'{name} image | fused')
            for name, source in zip(names, shown.sources, strict=True)
        ]
        return *sliders, shown.fused, pictures, f'{words}\n\n{shown.scores.markdown()}'

    gr.Markdown(
        'Two aligned images of one view become one. Of an infrared and a visible one, the first gives the colours.'
    )
    with gr.Row():
        with gr.Column(scale=2):
            task = gr.Radio(list(TASK_NAMES), value=next(iter(TASK_NAMES)), label='Images', elem_id='fuse-task')
            inputs = PairInputs(
                'fuse', lambda number, chosen: example(lookup(TASK_NAMES, chosen), number), [task], LABELS
            )
        with gr.Column(scale=1):
            colour = gr.Dropdown(list(COLOURS), label='Colours')
            detail = gr.Dropdown(list(DETAILS), label='Detail')
            target = gr.Dropdown(list(TARGETS), label='Hot targets, skies')
            button = gr.Button('Fuse', variant='primary', elem_id='fuse-button')
    with gr.Row():
        sliders = [
            gr.ImageSlider(label=f'{name} image | fused', elem_id=f'fuse-slider-{which}')
            for name, which in zip(NAMES['ivf'], ('first', 'second'), strict=True)
        ]
    with gr.Row():
        fused = gr.Image(
            label='Fused (PNG)', format='png', buttons=['download', 'fullscreen'], interactive=False, elem_id='fuse-out'
        )
        scores = gr.Markdown(elem_id='fuse-scores')
    pictures = gr.Gallery(
        label='What both images share, what only one has, where the network looks',
        columns=4,
        object_fit='contain',
        height='auto',
        buttons=['download', 'fullscreen'],
        elem_id='fuse-pictures',
    )
    options = [task, colour, detail, target]
    network_event(button, told(fuse), [*inputs.components, *options], [*sliders, fused, pictures, scores])


def lookup(names: dict[str, Any], name: str) -> Any:
    """The value of a choice; what a request names besides is refused.

    Raises:
        ValueError: if there is no such choice.
    """
    if name not in names:
        raise ValueError(f'{name!r} is none of {", ".join(names)}.')
    return names[name]
