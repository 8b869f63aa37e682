"""Pairs of answers with the right verdict known by construction, by kind, and what `w2s.answers` says of them."""
