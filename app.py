"""AdvMI: the app's router. Start it with ``advmi app`` or ``streamlit run app.py``."""

import streamlit as st

from advmi_core.paths import app_root, assets
from advmi_core.ui import layout, resources

st.set_page_config(page_title="AdvMI", page_icon=str(assets() / "icons" / "advmi.svg"), layout="wide")
layout.apply()
attack, measure, defend, library = (
    app_root() / "pages" / section for section in ("attack", "measure", "defend", "library")
)
page = st.navigation(
    [
        st.Page(attack / "overview.py", title="Overview", icon=":material/visibility:", default=True),
        st.Page(attack / "supervised.py", title="Supervised", icon=":material/label:"),
        st.Page(attack / "unsupervised.py", title="Unsupervised", icon=":material/blur_on:"),
        st.Page(measure / "mutual_information.py", title="Mutual information", icon=":material/join_inner:"),
        st.Page(measure / "mi_vs_asr.py", title="MI vs ASR", icon=":material/show_chart:"),
        st.Page(measure / "autoencoders.py", title="Autoencoders", icon=":material/compare:"),
        st.Page(defend / "defence.py", title="Defence", icon=":material/shield:"),
        st.Page(library / "runs.py", title="Runs", icon=":material/folder_open:"),
        st.Page(library / "help.py", title="Help", icon=":material/help:"),
    ],
    position="top",
)
try:
    page.run()
except resources.UnreadableError as error:
    layout.unreadable(error)
layout.footer()
resources.settle()
