"""Units of measure, and numbers with units."""
