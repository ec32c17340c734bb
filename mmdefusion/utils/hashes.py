"""Hashes of files, read block by block."""

import hashlib
from typing import BinaryIO

BLOCK = 2**20


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of an open file from its position on, in hexadecimal digits."""
    return _digest(file, hashlib.sha256())


def git_hash_of(file: BinaryIO, size: int) -> str:
    """The name that git gives a file of ``size`` bytes: the SHA-1 of a short header and the content."""
    return _digest(file, hashlib.sha1(f'blob {size}\0'.encode(), usedforsecurity=False))


def _digest(file: BinaryIO, digest: 'hashlib._Hash') -> str:
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
