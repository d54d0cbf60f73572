"""What this process has used so far, as a line of its log: what a runner costs can be read from any run."""

import resource
import sys

# getrusage tells the peak in kilobytes, on macOS in bytes.
_UNITS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024


def used_until(moment: str) -> str:
    """`first node: 3.21 s of CPU, 187 MB`; the memory is the peak resident size."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return f"{moment}: {used.ru_utime + used.ru_stime:.2f} s of CPU, {used.ru_maxrss / _UNITS_PER_MB:.0f} MB"
