"""One pass over a workspace, and the values it reports.

Owns the order of things: observe, decide, render, commit, environment by environment. Deciding is in
`headpin.releases`; this package gives it values and carries out what it says.
"""

from headpin.controller.reconcile import Controller
from headpin.controller.report import DeploymentReport, EnvironmentReport, PassReport

__all__ = ["Controller", "DeploymentReport", "EnvironmentReport", "PassReport"]
