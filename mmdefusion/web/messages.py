"""Errors of a visitor's input as messages on the page."""

import html
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lets errors of input appear on the page; the names of files in them are text there, never markup."""

    @wraps(function)
    def tell(*args: Any) -> Any:
        try:
            return function(*args)
        except (OSError, ValueError) as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from None

    return tell
