"""Selection: dbt's `--select`, `--exclude` and `--selector`, read, checked and resolved to nodes.

text.py reads a command's texts and definitions.py those of selectors.yml into the trees of spec.py; methods/ has one
small function per method (`tag:`, `path:` …); combine.py turns a tree into a set of nodes; resolve.py is the way in.
Nothing here loads a graph library.
"""

from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.methods import check, compares
from headgate.domain.selection.spec import Criterion, Group, Indirect
from headgate.domain.selection.text import parse

__all__ = ["Criterion", "Earlier", "Group", "Indirect", "check", "compares", "parse"]
