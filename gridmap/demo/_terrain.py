"""The ground of the made-up city before any street is drawn.

Everything is laid out on a flat plan in metres on which the river is a straight strip and
main roads are straight lines. `Terrain.bend` then carries the plan to the map: a smooth
one-to-one displacement that makes the river wind and the streets curve. Blocks that are
convex on the plan therefore stay whole on the map, and neighbours keep sharing their
borders to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARES", "ZONES", "Terrain", "Town", "lay_terrain"]

Floats = NDArray[np.float64]

# Kinds of ground and, for each, the share of the grids that lie on it and the usual area of
# one grid there in km2.
ZONES = ("core", "new", "satellite", "industry", "rural")
SHARES = (0.25, 0.38, 0.07, 0.06, 0.24)
_GRID_KM2 = (0.045, 0.12, 0.14, 0.28, 1.10)

_BEARING = np.radians(-14.0)  # the plan's first axis on the map
_ORIGIN_M = (512_400.0, 3_381_600.0)  # EPSG:4547, where the plan's origin comes to lie
_RIVER_WIDTH_M = 150.0


@dataclass(frozen=True)
class Town:
    """One built-up place on the plan.

    Parameters
    ----------
    x, y
        Middle of the old core, metres on the plan.
    grids
        Number of grids expected in the place.
    core_m, new_m
        Radii of the old core and of the newer districts around it.
    new_x, new_y
        Middle of the newer districts, off the core's.
    """

    x: float
    y: float
    grids: float
    core_m: float
    new_m: float
    new_x: float
    new_y: float


@dataclass(frozen=True)
class Terrain:
    """The plan: outline, river, railway, towns and how the plan bends.

    Parameters
    ----------
    outline
        Corners of the convex outline, counter-clockwise, shape (n, 2).
    half_width, half_height
        Half the extent of the plan.
    river_y, river_half
        Axis and half width of the river, a strip along the first axis.
    rail
        A point of the railway and its direction: x, y, dx, dy.
    towns
        Built-up places, the main town first.
    waves
        Plane waves of the displacement, one a row: wave vector x, y, phase, amplitude x, y
        and which mask it takes (0 none, 1 town cores, 2 countryside).
    strength
        Factor on the displacement, 1 unless blocks had folded.
    """

    outline: Floats
    half_width: float
    half_height: float
    river_y: float
    river_half: float
    rail: tuple[float, float, float, float]
    towns: tuple[Town, ...]
    waves: Floats
    meander: tuple[float, float, float]
    strength: float = 1.0

    def bend(self, points: Floats) -> Floats:
        """Return where points of the plan, shape (n, 2), lie on the map (EPSG:4547)."""
        x, y = points[:, 0], points[:, 1]
        shift = np.zeros_like(points)
        masks = self._masks(x, y)
        for kx, ky, phase, ax, ay, mask in self.waves:
            wave = np.sin(kx * x + ky * y + phase)
            if mask:
                wave *= masks[int(mask) - 1]
            shift[:, 0] += ax * wave
            shift[:, 1] += ay * wave
        swing, pace, phase = self.meander
        reach = ((y - self.river_y) / 2600.0) ** 2
        swinging = np.sin(pace * x + phase) + 0.4 * np.sin(2.3 * pace * x + 1.7 * phase)
        shift[:, 1] += swing * swinging / (1.0 + reach)
        moved = points + self.strength * shift
        cos, sin = np.cos(_BEARING), np.sin(_BEARING)
        east = _ORIGIN_M[0] + cos * moved[:, 0] - sin * moved[:, 1]
        north = _ORIGIN_M[1] + sin * moved[:, 0] + cos * moved[:, 1]
        # Whole centimetres: the last bits of a sine differ between machines, the city does not.
        return np.round(np.column_stack([east, north]), 2)

    def _masks(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        core = np.zeros_like(x)
        built = np.zeros_like(x)
        for town in self.towns:
            far = ((x - town.x) ** 2 + (y - town.y) ** 2) / town.core_m**2
            core = np.maximum(core, 1.0 / (1.0 + far * far))
            far = ((x - town.new_x) ** 2 + (y - town.new_y) ** 2) / town.new_m**2
            built = np.maximum(built, 1.0 / (1.0 + far**3))
        return core, 1.0 - built


def lay_terrain(grids: int, rng: np.random.Generator) -> Terrain:
    """Return the ground for a city of so many grids.

    Parameters
    ----------
    grids
        Number of grids wanted; area and number of towns follow from it.
    rng
        Source of every choice.
    """
    area_m2 = grids * 1e6 * float(np.dot(SHARES, _GRID_KM2))
    half_width = float(np.sqrt(area_m2 / (3.55 * 0.82)))
    half_height = 0.82 * half_width
    angle = np.sort(2 * np.pi * (np.arange(18) + rng.uniform(-0.28, 0.28, 18)) / 18)
    bulge = (np.abs(np.cos(angle)) ** 3 + np.abs(np.sin(angle)) ** 3) ** (-1 / 3)
    outline = np.column_stack(
        [half_width * bulge * np.cos(angle), half_height * bulge * np.sin(angle)]
    )
    river_y = -0.10 * half_height
    scale = min(1.0, half_width / 6500.0)
    river_half = 0.5 * _RIVER_WIDTH_M * max(scale, 0.4)
    towns = _place_towns(grids, half_width, half_height, river_y, rng)
    main = towns[0]
    tilt = np.radians(rng.uniform(9.0, 12.0))
    across = main.core_m * 1.30
    rail = (
        main.x - across * np.sin(tilt),
        main.y + across * np.cos(tilt),
        float(np.cos(tilt)),
        float(np.sin(tilt)),
    )
    return Terrain(
        outline=outline,
        half_width=half_width,
        half_height=half_height,
        river_y=river_y,
        river_half=river_half,
        rail=rail,
        towns=towns,
        waves=_draw_waves(scale, rng),
        meander=(360.0 * scale, 2 * np.pi / (8200.0 * scale), float(rng.uniform(0, 6.28))),
    )


def _place_towns(
    grids: int, half_width: float, half_height: float, river_y: float, rng: np.random.Generator
) -> tuple[Town, ...]:
    count = max(1, round((grids / 480) ** 0.8))
    size = 1.0 / np.arange(1, count + 1) ** 0.6
    size *= grids / size.sum()
    towns: list[Town] = []
    for number in range(count):
        core_m = float(np.sqrt(size[number] * SHARES[0] * _GRID_KM2[0] * 1e6 / np.pi))
        town_m2 = SHARES[0] * _GRID_KM2[0] + SHARES[1] * _GRID_KM2[1]
        new_m = float(np.sqrt(size[number] * town_m2 * 1e6 / np.pi))
        tries = rng.uniform(-0.8, 0.8, (24, 2)) * (half_width, half_height)
        if number == 0:
            x, y = -0.04 * half_width, river_y + 0.95 * core_m
        else:
            # The farthest from the towns so far of a few tries.
            gaps = [min(np.hypot(p[0] - t.x, p[1] - t.y) - t.new_m for t in towns) for p in tries]
            x, y = (float(value) for value in tries[int(np.argmax(gaps))])
        turn = rng.uniform(-1.9, -0.9)
        off = 0.42 * new_m
        towns.append(
            Town(
                x,
                y,
                float(size[number]),
                core_m,
                new_m,
                x + off * float(np.cos(turn)),
                y + off * float(np.sin(turn)),
            )
        )
    return tuple(towns)


def _draw_waves(scale: float, rng: np.random.Generator) -> Floats:
    # Wavelength, root mean square displacement (both metres), how many waves, mask.
    bands = [
        (9000.0 * scale, 300.0 * scale, 5, 0),
        (3300.0 * scale, 72.0 * scale, 5, 0),
        (1250.0, 13.0, 5, 0),
        (420.0, 5.5, 5, 1),
        (900.0, 17.0, 6, 2),
    ]
    rows = []
    for length, spread, count, mask in bands:
        turn = (np.arange(count) + rng.uniform(0, 1, count)) * np.pi / count
        pace = 2 * np.pi / (length * rng.uniform(0.8, 1.3, count))
        heading = rng.uniform(0, 2 * np.pi, count)
        amplitude = spread * np.sqrt(2.0 / count)
        rows.append(
            np.column_stack(
                [
                    pace * np.cos(turn),
                    pace * np.sin(turn),
                    rng.uniform(0, 2 * np.pi, count),
                    amplitude * np.cos(heading),
                    amplitude * np.sin(heading),
                    np.full(count, mask),
                ]
            )
        )
    return np.concatenate(rows)
