"""The jobs files: headgate.yml as people write it, read into the domain's records.

`document.py` turns text into plain values that know their lines, `documents.py` takes several files as one, the
modules named after what they are about (`environments.py`, `when.py`, `jobs.py` …) say what may be written, `faults.py`
words what is wrong, `across.py` checks what no entry knows by itself, `records.py` makes the domain's records,
`reader.py` joins them.
"""

from headgate.adapters.jobs_file.reader import read_jobs_file, read_jobs_files

__all__ = ["read_jobs_file", "read_jobs_files"]
