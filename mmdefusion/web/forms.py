"""The form of an upload, looked at as it comes: pages send files under one name, and nothing else."""

from python_multipart.multipart import MultipartParser, parse_options_header

FIELD = b'files'
MOST = 2**13  # bytes of the lines above a part


class FilesOnly:
    """Refuses parts of a form that are no files of a page.

    gradio keeps a part without the name of a file in memory, whatever its size, and forgets a file of another field.
    This parses what gradio parses, by the same parser.

    Args:
        content_type: ``Content-Type`` of the request; gradio refuses those that are no form.
    """

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        calls = {
            'on_part_begin': self._begin,
            'on_header_field': self._read_name,
            'on_header_value': self._read_value,
            'on_header_end': self._end_line,
            'on_headers_finished': self._check,
        }
        boundary = options.get(b'boundary')
        self.parser = MultipartParser(boundary, calls) if boundary else None
        self.name = self.value = self.disposition = b''
        self.read = 0

    def feed(self, data: bytes) -> None:
        """Looks at the next bytes.

        Raises:
            ValueError: if they are no form, or one that no page sends.
        """
        if self.parser is None or not data:
            return
        try:
            self.parser.write(data)
        except _OtherPart:
            raise ValueError('A form with something else than files: upload files.') from None
        except ValueError:
            raise ValueError('The upload is no whole form.') from None

    def _begin(self) -> None:
        self.disposition = b''
        self.read = 0

    def _read_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self.name += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self.value += data[start:end]

    def _count(self, more: int) -> None:
        self.read += more
        if self.read > MOST:
            raise _OtherPart

    def _end_line(self) -> None:
        if self.name.lower() == b'content-disposition':
            self.disposition = self.value
        self.name = self.value = b''

    def _check(self) -> None:
        _, options = parse_options_header(self.disposition)
        if options.get(b'name') != FIELD or b'filename' not in options:
            raise _OtherPart


class _OtherPart(Exception):
    """A part that no page sends."""
