"""`?format=`: a list as a page of JSON, or the whole of it as a file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from miniapp_api.replies import Download
from miniapp_api.spreadsheets import Rows, as_csv, as_xlsx

FILE_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FileFormat = Annotated[
    Literal["json", "csv", "xlsx"], Field(description="`csv` or `xlsx`: all of it as a file, whatever `limit` says")
]


def table(
    name: str, kind: Literal["csv", "xlsx"], header: Sequence[str], pages: AsyncIterator[Rows], zone: ZoneInfo
) -> Download:
    """A file `name`.csv or `name`.xlsx of these rows; instants in this zone."""
    write = as_csv if kind == "csv" else as_xlsx
    return Download(write(header, pages, zone), media_type=FILE_TYPES[kind], name=f"{name}.{kind}")
