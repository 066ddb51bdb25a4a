"""headpin under cProfile: what the thread of the passes computed is written when it ends."""

from __future__ import annotations

import cProfile
import os
from pathlib import Path

from headpin.cli import main

if __name__ == "__main__":
    profile = cProfile.Profile()
    try:
        profile.runcall(main)
    finally:
        profile.dump_stats(Path(os.environ["SOAK_DEBUG"]).with_suffix(".profile"))
