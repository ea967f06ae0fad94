"""Files that are attached to documents: what a provider takes, and under which name.

Plain Python, asked before anything is sent: a file that would be refused anyway costs no upload.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from urllib3.filepost import encode_multipart_formdata

from . import checks

MEGABYTE = 1024 * 1024
#: of a name, whatever the provider takes: what has a meaning in paths, addresses and HTML, and control characters
_UNSAFE = re.compile(r'[<>:"/\\|?*+#%&\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]')


@dataclass(frozen=True)
class FileRule:
    """What a provider asks of a file.

    :param provider: its label.
    :param max_bytes: the largest file that it takes.
    :param max_name: how many characters it takes in a name.
    :param extensions: in small letters, without the dot.
    :param max_files: how many it takes to a document, 0 where no limit is known.
    """

    provider: str
    max_bytes: int
    max_name: int
    extensions: frozenset[str]
    max_files: int = 0

    def check(self, file) -> tuple[str, ...]:
        """Sentences on what is wrong with a file (:class:`~.dto.Attachment`); () when nothing is. Pure."""
        label = checks.shown(file.name)
        found = []
        if not file.size:
            found.append(f'The file {label} is empty.')
        if file.size > self.max_bytes:
            found.append(
                f'The file {label} has {file.size / MEGABYTE:.1f} MB; {self.provider} takes files of up to '
                f'{self.max_bytes // MEGABYTE} MB.'
            )
        extension = extension_of(file.name)
        if extension not in self.extensions:
            kind = f'the type {checks.shown(extension)}' if extension else 'no type in its name'
            found.append(
                f'The file {label} has {kind}, which {self.provider} does not take. It takes '
                f'{", ".join(sorted(self.extensions))}.'
            )
        if file.name != self.safe_name(file.name):
            found.append(
                f'{label} is no name for a file in {self.provider}. For example: '
                f'{checks.shown(self.safe_name(file.name))}.'
            )
        return tuple(found)

    def safe_name(self, name: str, taken: Collection[str] = ()) -> str:
        """``name`` as it may stand at the provider: without path and HTML characters, no longer than allowed, with its
        extension, and told from ``taken`` (compared without case) by a number. Pure."""
        name = unicodedata.normalize('NFC', name or '')
        name = _UNSAFE.sub('_', name.encode('utf-8', 'replace').decode())
        name = ' '.join(name.split()).strip('. ') or 'file'
        stem, dot, extension = name.rpartition('.')
        if not dot or not 0 < len(extension) <= 10:
            stem, ending = name, ''
        else:
            ending = f'.{extension}'
        used = {one.casefold() for one in taken}
        for number in range(1, len(used) + 2):
            mark = f' ({number})' if number > 1 else ''
            tried = f'{stem[: self.max_name - len(mark) - len(ending)].rstrip()}{mark}{ending}'
            if tried.casefold() not in used:
                break
        return tried


def extension_of(name: str) -> str:
    stem, dot, extension = name.rpartition('.')
    return extension.casefold() if stem and dot else ''


def multipart(metadata: str, name: str, content_type: str, content: bytes) -> tuple[bytes, str]:
    """``(body, content type)`` of an upload of one file with its metadata (JSON text)."""
    return encode_multipart_formdata(
        [
            (
                'file_metadata_01',
                ('metadata.json', metadata.encode('utf-8'), 'application/json; charset=UTF-8'),
            ),
            ('file_content_01', (name, content, content_type or 'application/octet-stream')),
        ]
    )
