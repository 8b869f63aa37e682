"""Tools for developers; nothing here runs in a job."""
