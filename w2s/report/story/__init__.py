"""The story of one problem: what it is and how it reads."""
