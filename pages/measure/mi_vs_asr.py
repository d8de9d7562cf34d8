"""The page MI vs ASR."""

from advmi_core.ui.sweep import page as mi_vs_asr

mi_vs_asr.page()
