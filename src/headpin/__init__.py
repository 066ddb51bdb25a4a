"""headpin: a GitOps repository controller.

dev tracks HEAD; every other environment is pinned. ``docs/architecture.md`` draws the way data takes
through the packages below this one.
"""

__version__ = "0.1.0.dev0"
