"""headpin against a small model of itself: random histories, reconciled for real and on paper."""
