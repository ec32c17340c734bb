"""Starts the app for a browser: fuse, detect and segment, compare.

    mmdefusion web                                    # or mmdefusion-web, python -m mmdefusion.web, make web
    mmdefusion-web --model CONFIG CHECKPOINT          # a detector or segmenter of yours in the second tab
    mmdefusion-web --methods data/VIFB                # vi/, ir/ and fused/METHOD/ to compare with in the third
    mmdefusion-web --host 0.0.0.0 --max-megabytes 8   # for others: there is no password, put a proxy before it

Open the address that it prints. Nothing is sent elsewhere, and pages load nothing from elsewhere.
"""

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path

from mmdefusion.utils.compat import installed, missing_extra
from mmdefusion.utils.names import shown

from .settings import Settings


def parse_args() -> argparse.Namespace:
    defaults = Settings()
    name = 'mmdefusion-web' if Path(sys.argv[0]).name == '__main__.py' else None  # or mmdefusion web
    parser = argparse.ArgumentParser(name, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--host', default='127.0.0.1', help='default: 127.0.0.1, which only this machine can reach')
    parser.add_argument('--port', type=int, default=7860, help='default: 7860')
    parser.add_argument('--weights', help='checkpoint that fuses (default: the one that comes with mmdefusion)')
    parser.add_argument(
        '--model', nargs=2, metavar=('CONFIG', 'CHECKPOINT'), help='a detector or segmenter (default: a small detector)'
    )
    parser.add_argument(
        '--methods', type=Path, metavar='DIR', help='folder with vi/, ir/ and fused/METHOD/ of other methods'
    )
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--max-megabytes',
        type=int,
        default=defaults.megabytes,
        metavar='MB',
        help='of an upload (default: %(default)s)',
    )
    parser.add_argument(
        '--max-pixels', type=int, default=defaults.pixels, metavar='N', help='of an image (default: %(default)s)'
    )
    parser.add_argument(
        '--max-waiting', type=int, default=defaults.waiting, metavar='N', help='requests in line (default: %(default)s)'
    )
    parser.add_argument(
        '--max-stored',
        type=int,
        default=defaults.stored,
        metavar='MB',
        help='of all uploads and results together (default: %(default)s)',
    )
    parser.add_argument(
        '--names',
        nargs='+',
        default=(),
        metavar='NAME',
        help="names that visitors' browsers know it by, without scheme and port: a proxy's, say",
    )
    return parser.parse_args()


def end_on_signals() -> None:
    """Lets the app end in order, with its folder, when a service manager or a closing terminal ends it."""
    for name in ('SIGTERM', 'SIGHUP'):  # the second is not everywhere
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:  # as by nohup
            signal.signal(getattr(signal, name), lambda *_: sys.exit(0))


def main() -> None:
    args = parse_args()
    if not installed('gradio'):
        raise SystemExit(f'The app needs gradio, and {missing_extra("web", "gradio")}.')
    from .server import serve, wait

    end_on_signals()
    try:
        model = tuple(args.model) if args.model else None
        limits = args.max_megabytes, args.max_pixels, args.max_waiting, args.max_stored
        settings = Settings(args.weights, model, args.methods, args.device, *limits, tuple(args.names))
        app = serve(settings, args.host, args.port, block=False)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'mmdefusion is at {app.local_url} (Ctrl+C ends it)', flush=True)
    with contextlib.suppress(SystemExit):  # of a signal
        wait(app)
    end_now()


def end_now() -> None:
    """Ends the process without waiting for what is computed, which nobody sees any more.

    Its thread cannot be stopped, and the process would abort if it were still in a network while Python takes itself
    apart.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            stream.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
