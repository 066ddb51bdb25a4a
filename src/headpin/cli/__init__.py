"""The command line: one module a command.

Owns everything that is printed, and the exit codes: 0 fine, 1 problems found, 2 used wrongly, 3 the world
failed. Only this package imports typer and rich. Must never decide anything about a deployment.
"""

from headpin.cli.app import main

__all__ = ["main"]
