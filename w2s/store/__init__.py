"""Where steps meet: manifests and tables in a folder or a bucket."""
