"""The pages: read the session, offer widgets, make one call into the core, draw.

Streamlit is imported in this package only.
"""

from gridmap.pages.gate import guards
from gridmap.pages.router import run

__all__ = ["guards", "run"]
