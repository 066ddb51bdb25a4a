"""Replaying what happened, and telling what the rules would not have allowed. Must never write to a branch."""
