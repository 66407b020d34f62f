"""Files that are imported, read in one pass with little memory: which encoding, which hash, which lines."""

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
LONGEST_LINE = 16_384  # bytes; a row of six cells needs a few hundred
_BOMS = {codecs.BOM_UTF8: "utf-8-sig"}
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileRefused(Exception):
    """The file cannot be read; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One file: where it is, what identifies its content, how its text is written, how large it is (bytes)."""

    path: Path
    sha256: str
    encoding: str
    size: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file (the header is 1), its text or why there is none, and where the next begins."""

    number: int
    text: str
    fault: str
    end: int


def examine(path: Path) -> ImportFile:
    """Hash and encoding of a file: UTF-8 with or without a BOM, otherwise GB 18030, of which GBK is a part.

    One line that is broken in both spoils no file: the encoding that fits more lines is taken. Raises FileRefused.
    """
    digest, size = hashlib.sha256(), 0
    faults = {"utf-8": 0, "gb18030": 0}
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start.startswith(_WIDE_BOMS):
                raise FileRefused("文件是 UTF-16 编码，请另存为 UTF-8 的 CSV。")
            file.seek(0)
            # By lines and not by chunks: no character of either encoding contains a line feed.
            while part := file.readline(CHUNK):
                digest.update(part)
                size += len(part)
                if not part.isascii():
                    for encoding in faults:
                        faults[encoding] += not _decodes(part, encoding)
    except OSError as trouble:
        raise FileRefused(f"文件打不开（{trouble.strerror}）。") from None
    if not size:
        raise FileRefused("文件是空的。")
    known = next((name for bom, name in _BOMS.items() if start.startswith(bom)), None)
    encoding = known or ("utf-8" if faults["utf-8"] <= faults["gb18030"] else "gb18030")
    return ImportFile(path, digest.hexdigest(), encoding, size)


def _decodes(part: bytes, encoding: str) -> bool:
    try:
        part.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def lines(file: ImportFile, *, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Every line that is not empty. Of one that is too long, no more than `longest` bytes are ever held."""
    encoding = "utf-8" if file.encoding == "utf-8-sig" else file.encoding
    with file.path.open("rb") as raw:
        number = end = 0
        while part := raw.readline(longest):
            number, end = number + 1, end + len(part)
            too_long = len(part) == longest and not part.endswith(b"\n")
            while too_long and (rest := raw.readline(longest)):
                end += len(rest)
                if rest.endswith(b"\n"):
                    break
            if too_long:
                yield Line(number, "", "row.too_long", end)
                continue
            if number == 1:
                part = part.removeprefix(codecs.BOM_UTF8)
            try:
                text = part.decode(encoding).rstrip("\r\n")
            except UnicodeDecodeError:
                yield Line(number, "", "row.encoding", end)
                continue
            if text.strip(" ,\t"):
                yield Line(number, text, "", end)
