"""Selection: dbt's `--select` and `--exclude` texts, read, checked and resolved to nodes.

spec.py reads a text, methods.py has one small function per method (`tag:`, `path:` …), resolve.py turns a spec
into a set of nodes. Checking a text (`check`) loads no graph library; resolving does (import resolve for it).
"""

from headgate.domain.selection.methods import check
from headgate.domain.selection.spec import Criterion, Selection, parse

__all__ = ["Criterion", "Selection", "check", "parse"]
