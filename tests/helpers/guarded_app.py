"""An application behind the app's guard, asked without a server."""

import asyncio
from pathlib import Path

import httpx

from mmdefusion.web.guard import Guard
from mmdefusion.web.hosts import Hosts
from mmdefusion.web.settings import Settings

UPLOAD = '/gradio_api/upload'


class Asked:
    """Asks a guarded application, which answers with the number of bytes that it got."""

    def __init__(self, folder: Path, *names: str, host: str = '127.0.0.1', stored: int = 3) -> None:
        self.guard = Guard(self.answer, folder, Hosts(host, names), Settings(megabytes=1, stored=stored), files=2)

    @staticmethod
    async def answer(scope, receive, send) -> None:
        message = await receive()
        while message['more_body']:
            message = {**(more := await receive()), 'body': message['body'] + more['body']}
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': b'%d' % len(message['body'])})

    def __call__(self, method: str, path: str, **options) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.guard)
            async with httpx.AsyncClient(transport=transport, base_url='http://localhost:7860') as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())
