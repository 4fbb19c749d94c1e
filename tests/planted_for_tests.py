"""Values that can be told from anything else, and a search that finds them however they are written."""

import base64
import gzip
import io
import re
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

PICTURE = b"\xff\xd8\xff\xe0PlantedPortrait\x00\x01\x02\xfe\xfd\xfcOfSomebody\xff\xd9"
PLANTED: Mapping[str, bytes] = {
    "given name": b"Zebulonius",
    "family name": b"Quillfeather",
    "name beyond ASCII": "Åßtrøm-Ždánský".encode(),
    "document number": b"X7Q9K2M41",
    "first line of the MRZ": b"P<UTOQUILLFEATHER<<ZEBULONIUS<<<<<<<<<<<<<<<",
    "second line of the MRZ": b"X7Q9K2M412UTO7408122F3204159<<<<<<<<<<<<<<06",
    "date of birth": b"1974-08-12T05:06:07",
    "picture": PICTURE,
}
_DEEPEST, _MOST_BYTES = 4, 64 * 2**20
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


def claims() -> dict[str, object]:
    """All of them as claims that somebody might make of a person."""
    picture = base64.b64encode(PICTURE).decode()
    texts = {name.replace(" ", "_"): value.decode() for name, value in PLANTED.items() if name != "picture"}
    return {**texts, "portrait": picture, "document": {"numbers": [texts["document_number"]], "photo": picture}}


def spellings(value: bytes) -> set[bytes]:
    """How a value may be written, whole or inside of something longer."""
    text = value.decode("utf-8", "replace")
    found = {value, value.hex().encode(), value.hex().upper().encode(), quote(value, safe="").encode()}
    found |= {value.upper(), value.lower()} if value.isascii() else set()
    found |= {text.encode("ascii", "backslashreplace"), text.encode("utf-16-le"), text.encode("utf-16-be")}
    for before in range(3):
        # What does not depend on the bytes around it: a whole number of groups.
        coded = base64.b64encode(b"\0" * before + value)[-(-before * 8 // 6) :]
        inner = coded[: len(coded) - (4 if (len(value) + before) % 3 else 0)]
        if len(inner) >= 8:
            found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The data, and whatever is packed in it: archives, compressed pieces, rows of databases."""
    yield data
    if depth >= _DEEPEST:
        return
    inside: list[bytes] = []
    if data.startswith(b"SQLite format 3"):
        inside += _rows(data)
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            inside += [file.read() for member in archive if (file := archive.extractfile(member))]
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            inside += [packed.read(name) for name in packed.namelist()]
    else:
        inside += filter(None, (_inflated(data[found.start() :]) for found in _ZLIB.finditer(data)))
        inside += _coded(data)
    for piece in inside:
        yield from unpacked(piece, depth + 1)


def _rows(data: bytes) -> list[bytes]:
    values: list[bytes] = []
    with closing(sqlite3.connect(":memory:")) as base:
        base.deserialize(data[:18] + b"\1\1" + data[20:])  # of itself, without the log beside it
        for (table,) in base.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in base.execute(f'select * from "{table}"'):  # noqa: S608  # a name from the file itself
                values += [x if isinstance(x, bytes) else str(x).encode() for x in row if isinstance(x, bytes | str)]
    return values


def _inflated(data: bytes) -> bytes | None:
    reader = zlib.decompressobj(47)
    try:
        return reader.decompress(data, _MOST_BYTES) or None
    except zlib.error:
        return None


def _coded(data: bytes) -> Iterator[bytes]:
    """Long texts in base64 may hold something that is compressed."""
    for found in re.finditer(rb"[A-Za-z0-9+/_-]{40,}", data):
        text = found[0].translate(bytes.maketrans(b"-_", b"+/"))
        decoded = base64.b64decode(text[: len(text) // 4 * 4])
        if _ZLIB.match(decoded):
            yield decoded


def found_in(places: Mapping[str, bytes], values: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Which value is in which place."""
    patterns = {name: re.compile(b"|".join(map(re.escape, spellings(value)))) for name, value in values.items()}
    found = set()
    for place, data in places.items():
        for piece in unpacked(data):
            found |= {(place, name) for name, pattern in patterns.items() if pattern.search(piece)}
    return sorted(found)


def files_under(directory: Path) -> dict[str, bytes]:
    """Every file that is there."""
    return {str(x.relative_to(directory)): x.read_bytes() for x in directory.rglob("*") if x.is_file()}


def packed(value: bytes) -> Mapping[str, bytes]:
    """A value in every wrapping that the search has to see through."""
    inside = b'{"name":"' + value + b'"}'
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("x")
        member.size = len(zipped := gzip.compress(inside))
        tar.addfile(member, io.BytesIO(zipped))
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("create table t (x)")
        base.execute("insert into t values (?)", [zlib.compress(b"-" * 5000 + inside)])
        rows = base.serialize()
    return {
        "raw": inside,
        "hex": inside.hex().encode(),
        "url": quote(inside).encode(),
        **{f"base64 {n}": base64.b64encode(b"x" * n + inside) for n in range(3)},
        **{f"base64url {n}": base64.urlsafe_b64encode(b"x" * n + inside).rstrip(b"=") for n in range(3)},
        "gzip": b"head" + gzip.compress(inside),
        "gzip in base64": base64.b64encode(gzip.compress(inside * 4)),
        "archive": archive.getvalue(),
        "database": rows,
    }
