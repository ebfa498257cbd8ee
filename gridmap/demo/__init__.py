"""示例市: a city that does not exist, for trying gridmap and for measuring it."""

from gridmap.demo._calendar import CATEGORIES
from gridmap.demo._city import SMALLEST_CITY, make_city
from gridmap.demo._places import NETWORKS

__all__ = ["CATEGORIES", "NETWORKS", "SMALLEST_CITY", "make_city"]
