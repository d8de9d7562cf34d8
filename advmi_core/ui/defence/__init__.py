"""Defence: the defence study and the robustness tables."""
