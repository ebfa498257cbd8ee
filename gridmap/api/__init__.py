"""One module per verb: an options dataclass, a function, a result type."""

from __future__ import annotations

__all__: list[str] = []
