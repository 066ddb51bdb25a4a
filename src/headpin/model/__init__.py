"""What people write: one module a kind, as immutable pydantic models.

The JSON Schemas in `schemas/` and `docs/config-reference.md` are generated from these. Only this package
imports pydantic. Must never know where a document lies or what another document says.
"""

from headpin.model.agent import Agent, Image, Port, Probe, Probes, Security, Source
from headpin.model.approval import Approval
from headpin.model.chart import CHARTS, Chart, ValueName
from headpin.model.content import Content
from headpin.model.credentials import conceal, credential_faults
from headpin.model.delivery import Delivery
from headpin.model.environment import Environment
from headpin.model.gates import DAYS, Freeze, Gates
from headpin.model.kinds import KINDS, DocumentKind
from headpin.model.moments import duration, instant_said, time_of_day, zone_of
from headpin.model.notify import Header, Notify, NotifyEndpoint
from headpin.model.override import Override
from headpin.model.parse import Fault, parse
from headpin.model.pin import Pin
from headpin.model.pipeline import Pipeline, Stage
from headpin.model.project import Project
from headpin.model.quantity import amount
from headpin.model.reference import config_reference
from headpin.model.schema import json_schema
from headpin.model.settings import (
    Defaults,
    FileContent,
    OwnLayer,
    Quantities,
    Resources,
    Scaling,
    SecretKey,
    Settings,
)
from headpin.model.workspace import API_VERSION, Limits, Plan, WorkspaceDocument

__all__ = [
    "API_VERSION",
    "CHARTS",
    "DAYS",
    "KINDS",
    "Agent",
    "Approval",
    "Chart",
    "Content",
    "Defaults",
    "Delivery",
    "DocumentKind",
    "Environment",
    "Fault",
    "FileContent",
    "Freeze",
    "Gates",
    "Header",
    "Image",
    "Limits",
    "Notify",
    "NotifyEndpoint",
    "Override",
    "OwnLayer",
    "Pin",
    "Pipeline",
    "Plan",
    "Port",
    "Probe",
    "Probes",
    "Project",
    "Quantities",
    "Resources",
    "Scaling",
    "SecretKey",
    "Security",
    "Settings",
    "Source",
    "Stage",
    "ValueName",
    "WorkspaceDocument",
    "amount",
    "conceal",
    "config_reference",
    "credential_faults",
    "duration",
    "instant_said",
    "json_schema",
    "parse",
    "time_of_day",
    "zone_of",
]
