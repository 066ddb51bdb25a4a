"""The alerts: a rules file that Prometheus reads, about metrics that headpin has."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from headpin.telemetry import Metrics
from tests.deploy.chart import DEPLOY

PAGE = DEPLOY.parent / "docs" / "operations.md"
GROUPS = yaml.load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"), yaml.CSafeLoader)
RULES: list[Any] = [rule for group in GROUPS["groups"] for rule in group["rules"]]

_DURATION = re.compile(r"[1-9][0-9]*[smh]")
_METRIC = re.compile(r"\bheadpin_[a-z_]+")
_MATCHERS = re.compile(r"(headpin_[a-z_]+)\{([^}]*)\}")
_ALWAYS = {"instance", "job", "le"}
_KEYS = {"alert", "expr", "for", "labels", "annotations"}


def test_the_file_has_the_form_of_a_rules_file() -> None:
    assert GROUPS.keys() == {"groups"}
    names = [group["name"] for group in GROUPS["groups"]]
    assert len(set(names)) == len(names)
    alerts = [rule["alert"] for rule in RULES]
    assert len(set(alerts)) == len(alerts)
    for rule in RULES:
        assert rule.keys() == _KEYS
        assert re.fullmatch(r"Headpin[A-Za-z]+", rule["alert"])
        assert _DURATION.fullmatch(rule["for"])
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description", "page"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_expression_is_whole(rule: Any) -> None:
    expression = rule["expr"]
    closed: list[str] = []
    for letter in re.sub(r'"[^"]*"', "", expression):
        if letter in "([{":
            closed.append({"(": ")", "[": "]", "{": "}"}[letter])
        elif letter in ")]}":
            assert closed.pop() == letter
    assert not closed
    for window in re.findall(r"\[([^]]*)\]", expression):
        assert _DURATION.fullmatch(window)
    for counter in re.findall(r"(\w+)\(headpin_[a-z_]*(?:_total|_bucket)\b", expression):
        assert counter in ("rate", "increase"), "a counter by itself only grows"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_text_names_labels_that_its_expression_keeps(rule: Any) -> None:
    texts = " ".join(rule["annotations"].values())
    named = set(re.findall(r"\$labels\.(\w+)", texts))
    assert re.sub(r"\{\{ (\$labels\.\w+|\$value( \| humanize(Duration)?)?) \}\}", "", texts).count("{") == 0
    kept = re.match(r"(?:histogram_quantile\(\S+ )?(?:sum|max) by \(([^)]*)\)", rule["expr"])
    if kept:
        assert named <= set(kept[1].split(", "))
    else:
        assert named <= {"instance"} | ({"environment"} if "headpin_environment" in rule["expr"] else set())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_page_says_what_to_do(rule: Any) -> None:
    path, _, anchor = rule["annotations"]["page"].partition("#")
    assert path == "docs/operations.md"
    assert anchor == rule["alert"].lower()
    section = re.search(rf"(?ms)^### {rule['alert']}$(.*?)(?=^##|\Z)", PAGE.read_text("utf-8"))
    assert section is not None
    assert len(section[1]) > 80


def test_metrics_and_labels_are_headpins_own() -> None:
    labels = _labels(Metrics())
    for rule in RULES:
        for name in _METRIC.findall(rule["expr"]):
            assert name in labels, rule["alert"]
        for name, matchers in _MATCHERS.findall(rule["expr"]):
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= labels[name], rule["alert"]
        kept = {label for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in group.split(", ")}
        assert kept <= set().union(_ALWAYS, *(labels[name] for name in _METRIC.findall(rule["expr"])))


def _labels(metrics: Any) -> dict[str, set[str]]:
    """The labels of every series that headpin exposes, by the series' name."""
    found: dict[str, set[str]] = {}
    for collector in vars(metrics).values():
        for family in collector.describe() if hasattr(collector, "describe") else ():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
            found |= {f"{family.name}{suffix}": set(collector._labelnames) for suffix in suffixes}
    found["headpin_build_info"] = {"version", "python"}
    return found
