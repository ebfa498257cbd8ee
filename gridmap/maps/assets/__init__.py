"""The scripts and styles of the map, ours and Leaflet's."""
