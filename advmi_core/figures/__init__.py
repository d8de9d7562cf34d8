"""Results and records → what is seen: stage payloads, plotly figures (screen), matplotlib figures (print)."""
