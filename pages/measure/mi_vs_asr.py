"""The page MI vs ASR."""

from advmi_core.ui import mi_vs_asr

mi_vs_asr.page()
