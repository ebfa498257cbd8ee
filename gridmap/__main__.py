"""``python -m gridmap``: the command line, where its script is not on the path."""

from gridmap.cli import main

if __name__ == "__main__":  # processes of a pool import this again
    main()
