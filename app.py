"""The pages of gridmap: ``gridmap app``, or ``streamlit run app.py``."""

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App

from gridmap.pages import guards, run

if get_script_run_ctx(suppress_warning=True) is not None:  # a page is drawn
    run()
else:  # the server starts
    app = App(__file__, middleware=guards())
