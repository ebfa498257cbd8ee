"""Safe use of GDAL: few drivers, files of the right format, and a confined process.

`gridmap.gdal.guards` loads pyogrio and fiona with an allow list of drivers, checks a file's first
bytes against its suffix and locks a process in; `gridmap.gdal.child` reads there, and
`gridmap.gdal.reading` asks it to.
Nothing is imported here: the process that reads must start in a fifth of a second.
"""

__all__: list[str] = []
