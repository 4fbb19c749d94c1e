"""What a value is that decisions make by the dozen.

Frozen, compared by its members, hashed by them. A dataclass of the same kind takes
ten times as long to make (`make bench-decide`), and a decision makes some twenty.
"""

import msgspec


class Value(msgspec.Struct, frozen=True):
    """The base of such values; `msgspec.structs.replace` gives one with other members."""
