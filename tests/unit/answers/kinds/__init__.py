"""Pairs of answers by the kind of error that an equality of answers may make, with a careful reader's verdict."""
