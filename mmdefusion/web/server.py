"""Serves the app: to this machine unless told otherwise, and from nowhere else."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from .app import build_app
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
    os.environ['GRADIO_TEMP_DIR'] = folder.name
    app = build_app(settings)
    app.uploads = folder  # lives as long as the app
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
        app_kwargs={'middleware': [Middleware(OwnPagesOnly)]},
        quiet=True,
    )
    if block:
        app.block_thread()
    return app
