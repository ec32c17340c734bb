"""Serves the app: to this machine unless told otherwise, and from nowhere else."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
from gradio import processing_utils
from starlette.middleware import Middleware

from .app import build_app
from .comparing import MOST_METHODS
from .guard import Guard
from .hosts import Hosts
from .settings import Settings

# pages may load what this server has, and nothing else
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
SANS, MONO = ('system-ui', 'sans-serif'), ('ui-monospace', 'monospace')  # fonts of the system: none is fetched
Message = dict[str, Any]


class OwnPagesOnly:
    """ASGI middleware that forbids browsers to load anything from elsewhere, which also keeps the app usable offline.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        async def send_with_policy(message: Message) -> None:
            if message['type'] == 'http.response.start':
                policy = (b'content-security-policy', POLICY.encode())
                message = {**message, 'headers': [*message.get('headers', ()), policy]}
            await send(message)

        await self.app(scope, receive, send_with_policy)


def serve(
    settings: Settings | None = None, host: str = '127.0.0.1', port: int | None = 7860, block: bool = True
) -> gr.Blocks:
    """Starts the app.

    Args:
        settings: limits, models and folders; None takes the defaults.
        host: address to listen at; the default can be reached from this machine only, ``'0.0.0.0'`` from everywhere.
            Browsers that know it by another name are refused, but for the names of the settings.
        port: port to listen at; None takes a free one from 7860 on.
        block: whether to wait until it is interrupted.

    Returns:
        The running app, with its address in ``local_url``.

    Raises:
        OSError: if the port is taken, or a folder of the settings cannot be used.
        ValueError: if a setting cannot be used.
    """
    settings = settings or Settings()
    # uploads and results go with the process, at the latest
    folder = tempfile.TemporaryDirectory(prefix='mmdefusion-web-')
    place = Path(folder.name).resolve()  # gradio answers with paths in it, which the guard compares; it may be a link
    os.environ.update(GRADIO_TEMP_DIR=str(place), GRADIO_RUN_HISTORY='False')  # the history talks to a hub
    _forbid_downloads()
    app = build_app(settings)
    app.uploads = folder  # lives as long as the app
    guarded = place, Hosts(host, settings.names), settings, MOST_METHODS
    app.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        show_error=True,
        share=False,
        ssr_mode=False,
        max_file_size=f'{settings.megabytes}mb',
        footer_links=[],
        theme=gr.themes.Base(font=list(SANS), font_mono=list(MONO)),
        enable_monitoring=False,
        app_kwargs={'middleware': [Middleware(OwnPagesOnly), Middleware(Guard, *guarded)]},
        quiet=True,
    )
    if block:
        wait(app)
    return app


def wait(app: gr.Blocks) -> None:
    """Waits until the app is interrupted, and deletes what visitors left."""
    try:
        app.block_thread()
    finally:
        app.close(verbose=False)
        app.uploads.cleanup()


def _forbid_downloads() -> None:
    """Takes from gradio what fetches files, as a second wall: the guard lets no address in.

    The names are those of gradio 6.31; of another version, what is called otherwise stays.
    """

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ValueError('The app fetches nothing: upload the file.')

    for name in ('async_ssrf_protected_get', 'async_ssrf_protected_download', 'ssrf_protected_download'):
        setattr(processing_utils, name, refuse)
    processing_utils.save_url_to_cache = processing_utils.unsafe_download = refuse
