"""Replaying what happened, and telling what the rules would not have allowed. Must never write to a branch.

Facts are read from git (`reading_main`, `reading_branch`), put in one order (`replay`) and judged by pure functions
(`judge_main`, `judge_branch`, `judge_move`, `judge_record`), which do not ask what headpin decides by: an auditor
that trusts the books it audits finds nothing.
"""

from headpin.audit.audit import AuditReport, run_audit
from headpin.audit.finding import NOTICE, VIOLATION, Finding

__all__ = ["NOTICE", "VIOLATION", "AuditReport", "Finding", "run_audit"]
