"""Every applied jobs file in one item, so that hundreds of jobs change at once or not at all.

`applied` / `files`: the files by their origin, as compressed JSON (500 jobs: about 30 kB of the 400 kB that an item may
have), the number of the last apply, and whose schedules may lag behind (`pending`). Reading any job is one consistent
read of this item, which cannot see half an apply.

What readers without a right to the jobs need has an item of its own beside it, written in the same transaction:
`environment#<name>` / `environment` (for runners), `receiver#<name>` / `receiver` (for the function that strangers can
call) and `alerts#<origin>` / `rules` (for alerts).
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headgate.adapters.aws.earlier_jobs import earlier_files
from headgate.adapters.aws.table import TRANSACTION_LIMIT, Table, deleting, putting
from headgate.domain.applied import Applied
from headgate.domain.job import JobsFile
from headgate.errors import InputError

APPLIED, FILES = "applied", "files"
# DynamoDB's limit of an item is 400 kB, names and the other attributes included.
_LARGEST = 390_000
_FILES = dict[str, tuple[int, JobsFile]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The item as it was read. number: of the last apply. earlier: keys of items that it takes the place of."""

    files: Mapping[str, Applied] = field(default_factory=dict)
    number: int = 0
    pending: frozenset[str] = frozenset()
    is_stored: bool = False
    earlier: tuple[tuple[str, str], ...] = ()


class AppliedFiles:
    """Reads and replaces the item, and remembers what it decoded last: by its bytes, which cannot be of before."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._decoded: tuple[bytes, _FILES] = (b"", {})

    def read(self) -> Shelf:
        """As it is now; in a stack that a version without the item applied to, what that version stored."""
        item = self._table.get(APPLIED, FILES)
        if item is None:
            files, keys = earlier_files(self._table)
            return Shelf(files, max((found.number for found in files.values()), default=0), earlier=keys)
        number, pending = int(item["number"]), frozenset(item.get("pending", ()))
        files = {
            origin: Applied(file, applied, _token(origin, applied) in pending)
            for origin, (applied, file) in self._files(item["record"]).items()
        }
        return Shelf(files, number, pending, is_stored=True)

    def _files(self, record: bytes) -> _FILES:
        known, files = self._decoded
        if known != record:
            files = msgspec.json.decode(zlib.decompress(record), type=_FILES)
            self._decoded = (record, files)
        return files

    def replace(self, shelf: Shelf, files: Iterable[JobsFile], *, pending: bool) -> int:
        """Write these files in place of their origins' in one transaction; returns its number.

        Raises ConflictError if anybody applied anything since `shelf` was read, InputError beyond what one transaction
        and one item hold.
        """
        number = shelf.number + 1
        changed = {file.origin: Applied(file, number, pending) for file in files}
        after = {**shelf.files, **changed}
        actions = [_putting_files(shelf, number, after), *_beside(shelf, after)]
        if len(actions) > TRANSACTION_LIMIT:
            raise InputError(
                f"{len(actions) - 1} environments and receivers change at once; all or nothing works for up to "
                f"{TRANSACTION_LIMIT - 1} of them: apply it in several steps"
            )
        self._table.transact(actions)
        return number

    def settle(self, origin: str, number: int) -> None:
        """The schedules of this apply agree with it. Nothing happens if another apply came after it."""
        self._table.update(APPLIED, FILES, "DELETE #pending :done", done=frozenset({_token(origin, number)}))


def _token(origin: str, number: int) -> str:
    return f"{number} {origin}"


def _putting_files(shelf: Shelf, number: int, after: Mapping[str, Applied]) -> dict[str, Any]:
    plain = {origin: (found.number, found.file) for origin, found in sorted(after.items())}
    record = zlib.compress(msgspec.json.encode(plain), 9)
    if len(record) > _LARGEST:
        raise InputError(
            f"all jobs of this stack together need {len(record):,} bytes, compressed, of {_LARGEST:,} that one record "
            "may have: give some of them a stack of their own"
        )
    pending = frozenset(_token(origin, found.number) for origin, found in after.items() if found.pending)
    item = {"pk": APPLIED, "sk": FILES, "number": number, "record": record, "pending": pending or None}
    if not shelf.is_stored:
        return putting(item, "attribute_not_exists(pk)")
    if not shelf.pending:
        return putting(item, "#number = :read AND attribute_not_exists(#pending)", read=shelf.number)
    return putting(item, "#number = :read AND #pending = :pending", read=shelf.number, pending=shelf.pending)


def _beside(shelf: Shelf, after: Mapping[str, Applied]) -> list[dict[str, Any]]:
    """Changes to the items that stand beside the files."""
    stored, wanted = _items(shelf.files), _items(after)
    actions = [putting(item) for key, item in wanted.items() if stored.get(key) != item]
    return actions + [deleting(*key) for key in stored if key not in wanted]


def _items(files: Mapping[str, Applied]) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for origin, applied in files.items():
        records: list[tuple[str, str, str, object]] = [
            (f"environment#{one.name}", "environment", one.name, one) for one in applied.file.environments
        ]
        records += [(f"receiver#{one.name}", "receiver", one.name, one) for one in applied.file.receivers]
        if applied.file.alerts:
            records.append((f"alerts#{origin}", "rules", origin, applied.file.alerts))
        for pk, sk, name, record in records:
            kind = "alerts" if sk == "rules" else sk
            found[pk, sk] = {
                "pk": pk,
                "sk": sk,
                "listing_pk": kind,
                "listing_sk": name,
                "origin": origin,
                "record": msgspec.json.encode(record).decode(),
            }
    return found
