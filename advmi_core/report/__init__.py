"""Results as pages: docs/results written from what AdvMI ships, so that no number is copied by hand."""

from advmi_core.report.pages import Page, folder, pages, stale, write

__all__ = ["Page", "folder", "pages", "stale", "write"]
