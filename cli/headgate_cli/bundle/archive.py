"""A zip that is the same bytes for the same files: sorted names, one fixed time, one fixed mode."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

_MOMENT = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write_zip(folder: Path, names: Iterable[str], target: Path) -> None:
    """Pack the files `names` of `folder`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(names):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            with (folder / name).open("rb") as file, archive.open(entry, "w") as packed:
                while chunk := file.read(1 << 20):
                    packed.write(chunk)
