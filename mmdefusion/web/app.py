"""The app, built of its tabs."""

import gradio as gr

from mmdefusion import __version__

from . import compare_tab, fuse_tab, predict_tab
from .settings import KEPT, LOOKED, Settings

TABS = {'Fuse': fuse_tab, 'Detect and segment': predict_tab, 'Compare': compare_tab}


def build_app(settings: Settings | None = None) -> gr.Blocks:
    """Builds the app; :func:`serve` starts it.

    Args:
        settings: limits, models and folders; None takes the defaults.

    Raises:
        OSError, ValueError: if a folder that the settings name cannot be used.
    """
    settings = settings or Settings()
    with gr.Blocks(title='mmdefusion', analytics_enabled=False, delete_cache=(LOOKED, KEPT)) as app:
        gr.Markdown(
            f'# mmdefusion {__version__}\nFuse two images, and see what two sensors find together. Images of at most '
            f'{settings.pixels / 1e6:g} million pixels and {settings.megabytes} MB; they are deleted after an hour.'
        )
        for name, tab in TABS.items():
            with gr.Tab(name):
                tab.build(settings)
    return app.queue(max_size=settings.waiting, default_concurrency_limit=1)
