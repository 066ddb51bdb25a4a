"""Everything that a daemon loads, for the server that daemons are forked from: no thread and no repository."""

import headpin.cli.app
import headpin.cli.audit
import headpin.cli.run
import headpin.sources
import headpin.telemetry

__all__ = ["headpin"]
