"""The jobs file: headgate.yml as people write it, read into the domain's records.

`document.py` turns text into plain values that know their lines, `models.py` says what may be written,
`faults.py` words what is wrong, `reader.py` joins the three.
"""

from headgate.adapters.jobs_file.reader import read_jobs_file

__all__ = ["read_jobs_file"]
