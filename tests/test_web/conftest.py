"""The app itself, for what only a server shows."""

from collections.abc import Iterator
from typing import Any

import pytest

from mmdefusion.web.settings import Settings


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Any]:
    """A client of an app whose temporary folder is reached by a link, as on macOS and many clusters."""
    import httpx

    from mmdefusion.web import serve

    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to('real')
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'link'))
    app = serve(Settings(megabytes=1), port=None, block=False)
    with httpx.Client(base_url=app.local_url, trust_env=False, timeout=30) as client:
        yield client
    app.close(verbose=False)
    app.uploads.cleanup()
