"""What headpin answers over HTTP: probes, metrics and webhooks. Must never decide, and never writes."""

from headpin.server.http import Bounds, HttpServer, listen_address
from headpin.server.probes import probe_app
from headpin.server.secrets import SecretFiles
from headpin.server.webhooks import WebhookBounds, webhook_app

__all__ = ["Bounds", "HttpServer", "SecretFiles", "WebhookBounds", "listen_address", "probe_app", "webhook_app"]
