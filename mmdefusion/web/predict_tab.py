"""The tab *Detect and segment*."""

from pathlib import Path
from typing import Any

import gradio as gr

from .components import PairInputs, network_event
from .examples import example
from .messages import told
from .predicting import SENSORS, Change, chosen_model, open_model, predict
from .settings import Settings

MOST_SHIFT = 64  # pixels


def build(settings: Settings) -> None:
    """Builds the tab inside the Blocks that are open."""
    try:
        config, checkpoint = chosen_model(settings)
    except (OSError, ValueError) as error:
        gr.Markdown(str(error))
        return

    def run(
        first: str | None, second: str | None, resize: bool, sensor: str, right: float, down: float, score: float
    ) -> tuple[Any, ...]:
        if max(abs(right), abs(down)) > MOST_SHIFT or not 0 <= score <= 1:
            raise ValueError(f'Shifts are from -{MOST_SHIFT} to {MOST_SHIFT} pixels, scores from 0 to 1.')
        model = open_model(config, checkpoint, settings.device)
        pair = inputs.read(first, second, resize, settings, model.reading)
        drawings, table = predict(pair, Change(sensor, round(right), round(down)), model, score)
        return *drawings, table.markdown()

    own = (
        ''
        if settings.model
        else ' It knows nothing but generated scenes of 160x128, and never missed a sensor in training.'
    )
    gr.Markdown(
        f'The model is `{Path(config).stem}`.{own} Switch a sensor off, or move the infrared image, and see what the '
        'model loses.'
    )
    with gr.Row():
        with gr.Column(scale=2):
            inputs = PairInputs('predict', lambda number: example('ivf', number, 'small'))
        with gr.Column(scale=1):
            sensor = gr.Radio(list(SENSORS), value=SENSORS[0], label='Sensors', elem_id='predict-sensor')
            right = gr.Slider(-MOST_SHIFT, MOST_SHIFT, 0, step=1, label='Infrared image to the right, pixels')
            down = gr.Slider(-MOST_SHIFT, MOST_SHIFT, 0, step=1, label='Infrared image down, pixels')
            score = gr.Slider(0, 1, 0.3, step=0.05, label='Smallest score of boxes')
            button = gr.Button('Predict', variant='primary', elem_id='predict-button')
    with gr.Row():
        outputs = [
            gr.Image(
                label=label,
                format='png',
                buttons=['download', 'fullscreen'],
                interactive=False,
                elem_id=f'predict-{name}',
            )
            for name, label in (('whole', 'The pair'), ('changed', 'The pair with the change'))
        ]
    table = gr.Markdown(elem_id='predict-table')
    network_event(button, told(run), [*inputs.components, sensor, right, down, score], [*outputs, table])
