"""示例市: a city that does not exist, for trying gridmap and for measuring it."""

from gridmap.demo._areas import NETWORKS
from gridmap.demo._city import CATEGORIES, SMALLEST_CITY, make_city

__all__ = ["CATEGORIES", "NETWORKS", "SMALLEST_CITY", "make_city"]
