"""The method itself: pure functions from records to records."""
