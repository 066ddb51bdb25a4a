"""What headpin answers over HTTP: probes, metrics and webhooks. Must never decide, and never writes."""
