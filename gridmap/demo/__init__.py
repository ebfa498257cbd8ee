"""示例市: a city that does not exist, for trying gridmap and for measuring it."""

from gridmap.demo._areas import NETWORKS
from gridmap.demo._city import SMALLEST_CITY, make_city
from gridmap.demo._incidents import CATEGORIES

__all__ = ["CATEGORIES", "NETWORKS", "SMALLEST_CITY", "make_city"]
