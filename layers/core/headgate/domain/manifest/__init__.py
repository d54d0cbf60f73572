"""manifest.json into an Index, once, at publish: the package's way in is `read_manifest`.

reading: bytes to shapes to an index. nodes: one entry to one node. signing: what `state:` compares of it. owners:
whom to tell about it. macros: what nodes call. checks: what a graph must not have. The shapes of the file are in
`domain/entry.py`.
"""

from headgate.domain.manifest.reading import SUPPORTED_SCHEMAS, read_manifest

__all__ = ["SUPPORTED_SCHEMAS", "read_manifest"]
