"""The loop around passes: what wakes it, what is done when, how failures are repeated, and how it stops."""
