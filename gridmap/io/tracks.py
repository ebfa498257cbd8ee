"""Routes as files that navigation devices and viewers open: GPX and KML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

__all__ = ["Track", "Waypoint", "write_gpx", "write_kml"]

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A numbered place: longitude, latitude (WGS 84), what it is called and says."""

    lon: float
    lat: float
    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One route.

    Parameters
    ----------
    name
        What it is called.
    line
        Longitude and latitude (WGS 84) along the way.
    waypoints
        Its places, in order.
    """

    name: str
    line: tuple[Position, ...]
    waypoints: tuple[Waypoint, ...]


def write_gpx(tracks: tuple[Track, ...], path: Path) -> None:
    """Write routes as GPX 1.1: a track for each way, a waypoint for each place."""
    root = ET.Element(
        "gpx",
        {"version": "1.1", "creator": "gridmap", "xmlns": "http://www.topografix.com/GPX/1/1"},
    )
    for track in tracks:
        for place in track.waypoints:
            point = ET.SubElement(root, "wpt", lat=f"{place.lat:.6f}", lon=f"{place.lon:.6f}")
            ET.SubElement(point, "name").text = place.name
            if place.text:
                ET.SubElement(point, "desc").text = place.text
    for track in tracks:
        line = ET.SubElement(root, "trk")
        ET.SubElement(line, "name").text = track.name
        segment = ET.SubElement(line, "trkseg")
        for lon, lat in track.line:
            ET.SubElement(segment, "trkpt", lat=f"{lat:.6f}", lon=f"{lon:.6f}")
    _write(root, path)


def write_kml(tracks: tuple[Track, ...], path: Path) -> None:
    """Write routes as KML 2.2: a folder for each, with its way and its places."""
    root = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(root, "Document")
    for track in tracks:
        folder = ET.SubElement(document, "Folder")
        ET.SubElement(folder, "name").text = track.name
        way = ET.SubElement(folder, "Placemark")
        ET.SubElement(way, "name").text = track.name
        line = ET.SubElement(way, "LineString")
        ET.SubElement(line, "coordinates").text = " ".join(
            f"{lon:.6f},{lat:.6f}" for lon, lat in track.line
        )
        for place in track.waypoints:
            mark = ET.SubElement(folder, "Placemark")
            ET.SubElement(mark, "name").text = place.name
            if place.text:
                ET.SubElement(mark, "description").text = place.text
            point = ET.SubElement(mark, "Point")
            ET.SubElement(point, "coordinates").text = f"{place.lon:.6f},{place.lat:.6f}"
    _write(root, path)


def _write(root: ET.Element, path: Path) -> None:
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
