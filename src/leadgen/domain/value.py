"""Values: dataclasses that nobody changes once they are made, which the type checker sees to.

``@value(frozen=True, slots=True)`` is ``@dataclass`` to it. While leadgen runs nothing is frozen: Python
would set each field of each value through a function, and a search makes a hundred values, which took a sixth
of a worker's time (docs/decisions/0015).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: bool, **options: Any) -> Any:
        """A decorator: equal values have one hash, as if they were frozen."""
        return dataclasses.dataclass(unsafe_hash=frozen and options.get("eq", True), **options)
