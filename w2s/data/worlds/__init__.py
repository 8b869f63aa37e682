"""Generated worlds: small problems, and the documents that the shipped tiny bases are pretrained on."""
