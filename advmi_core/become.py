"""Go on as another program, so that whatever ends this one ends that one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def become(command: list[str], folder: Path) -> int:
    """Run ``command`` in ``folder`` in the place of this process; where a system cannot, as its child.

    A child would outlive a parent that is stopped by a signal: ``advmi app`` its server.

    Returns:
        The child's exit code; where the process is replaced, it does not return.
    """
    if os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir(folder)
        os.execv(command[0], command)
    try:
        return subprocess.run(command, cwd=folder, check=False).returncode
    except KeyboardInterrupt:
        return 0
