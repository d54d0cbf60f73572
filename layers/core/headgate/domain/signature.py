"""What `state:` compares of a node, as digests: two indexes tell what was modified without their manifests."""

import msgspec


class Signature(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Of one node. Stored as a list: fields are only ever added at the end, with a default."""

    body: str = ""
    configs: str = ""
