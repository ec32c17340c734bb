"""What several tabs share: the inputs of a pair, and events that wait for their turn."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from mmdefusion.utils.image_io import reverse_channels

from .messages import told
from .settings import Settings
from .uploads import Pair, read_pair


class PairInputs:
    """Two images to upload, a choice to resize the second, and a button that fills in examples.

    Args:
        name: prefix of the elements' ids.
        example: makes a pair from the number of the click and the values of ``choices``.
        choices: components whose values ``example`` gets.
        labels: names of both images.

    Attributes:
        components: the three inputs, in the order of :meth:`read`.
    """

    def __init__(
        self,
        name: str,
        example: Callable[..., Pair],
        choices: Sequence[Any] = (),
        labels: Sequence[str] = ('Visible image', 'Infrared image'),
    ) -> None:
        with gr.Row():
            images = [
                gr.Image(
                    # untouched until our own reader has seen it: 16 bits stay 16 bits
                    type='filepath',
                    image_mode=None,
                    format='png',
                    sources=['upload'],
                    height=260,
                    label=label,
                    buttons=['fullscreen'],
                    elem_id=f'{name}-{which}',
                )
                for which, label in zip(('first', 'second'), labels, strict=True)
            ]
        with gr.Row():
            resize = gr.Checkbox(label='resize the second image to the first', elem_id=f'{name}-resize')
            another = gr.Button('Example', size='sm', elem_id=f'{name}-example')
        number = gr.State(0)
        self.components = [*images, resize]

        def fill(count: int, *chosen: Any) -> tuple[Any, ...]:
            return *map(reverse_channels, example(count, *chosen)), count + 1

        network_event(another, told(fill), [number, *choices], [*images, number])

    @staticmethod
    def read(
        first: str | None, second: str | None, resize: bool, settings: Settings, reading: dict[str, Any] | None = None
    ) -> Pair:
        """Reads what was uploaded, see :func:`read_pair`."""
        return read_pair(first, second, bool(resize), settings, reading)


def network_event(
    button: gr.Button, function: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]
) -> None:
    """Lets a click call a function: one visitor after the other, and not as an API."""
    button.click(
        function, list(inputs), list(outputs), concurrency_limit=1, concurrency_id='network', api_visibility='private'
    )
