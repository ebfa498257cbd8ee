"""The pages of gridmap: ``gridmap app``, or ``streamlit run app.py``."""

from gridmap.pages import run

run()
