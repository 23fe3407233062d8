"""Pages: what the API's lists answer, put together and checked for holes."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast, final

from .._fields import figure_of, is_collection, kind_of
from .._reading import Faults, Form, as_id
from ..exceptions import Fault

Payload = Mapping[str, object]

# Python refuses to print an integer of thousands of digits.
_NUMBER: Final = Form(
    accepted="a number from 0 to 2**63 - 1",
    parse=lambda value: value if type(value) is int and 0 <= value < 2**63 else None,
    describe=figure_of,
)
_RECORDS: Final = Form(
    accepted="a list of records", parse=lambda value: cast("list[object]", value) if isinstance(value, list) else None
)
_ALL: Final = "every page of the list"


@final
class _Page(NamedTuple):
    where: str
    total: int
    offset: int
    records: list[object]


def records_of(faults: Faults, name: str, pages: Iterable[Payload]) -> list[tuple[str, Payload]]:
    """Gives every record of a list once, in the list's order, with where it stands; notes what is wrong with the pages.

    Args:
        faults: Where to note it.
        name: What to call the list.
        pages: Its pages, each with `count` (of all records there are), `offset` (of its first one) and `records`.
    """
    if not is_collection(pages):
        faults.append(Fault.mismatch(name, kind_of(pages), "a collection of pages"))
        return []
    noted = len(faults)
    read = [page for number, each in enumerate(pages) if (page := _page(faults, f"{name}[{number}]", each))]
    read.sort(key=lambda page: page.offset)
    if len(faults) == noted:
        _check_whole(faults, name, read)
    first: dict[str, tuple[str, Payload]] = {}
    for page in read:
        for number, record in enumerate(page.records):
            where = f"{page.where}.records[{number}]"
            if not isinstance(record, Mapping):
                faults.append(Fault.mismatch(where, kind_of(record), "a mapping"))
                continue
            payload = cast("Payload", record)
            known, same = first.setdefault(as_id(payload.get("id")) or where, (where, payload))
            if same != payload:
                problem = f"differs from {known}, which has the same id: read all pages again"
                faults.append(Fault(where, problem, found="another record", accepted="the same record"))
    # Where all pages are there and a record came twice, another one slipped through while they were read.
    if len(faults) == noted and len(first) != read[0].total:
        total, count = read[0].total, len(first)
        problem = f"holds {count:,} different records, but each page counts {total:,}: read all pages again"
        faults.append(Fault(name, problem, found=f"{count:,} records", accepted=f"{total:,} records"))
    return list(first.values())


def _page(faults: Faults, where: str, page: object) -> _Page | None:
    if not isinstance(page, Mapping):
        faults.append(Fault.mismatch(where, kind_of(page), "a mapping"))
        return None
    fields = cast("Payload", page)
    count = faults.parse(_NUMBER, f"{where}.count", fields.get("count"))
    offset = faults.parse(_NUMBER, f"{where}.offset", fields.get("offset"))
    records = faults.parse(_RECORDS, f"{where}.records", fields.get("records"))
    return None if count is None or offset is None or records is None else _Page(where, count, offset, records)


def _check_whole(faults: Faults, name: str, pages: list[_Page]) -> None:
    """Notes what no page holds; where the number of records changed, that is all that can be said."""
    if not pages:
        faults.append(Fault(name, "has no page: pass every page, an empty one too", found="no page", accepted=_ALL))
        return
    for page in pages[1:]:
        if page.total != pages[0].total:
            path, first, total = f"{page.where}.count", f"{pages[0].where}.count", pages[0].total
            problem = f"is {page.total:,}, but {first} is {total:,}: read all pages again"
            faults.append(Fault(path, problem, found=f"{page.total:,}", accepted=f"{total:,}"))
            return
    end, total = 0, pages[0].total
    for page in [*pages, _Page(name, total, total, [])]:
        start = min(page.offset, total)
        if start > end:
            last = start - 1
            records = f"record {end}" if last == end else f"records {end} to {last}"
            problem = f"lacks {records}: pass every page"
            faults.append(Fault(name, problem, found=f"no page with {records}", accepted=_ALL))
        end = max(end, page.offset + len(page.records))
