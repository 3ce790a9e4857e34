"""The project's own files: `params.yaml` with its schema, and the paths of `dvc.yaml`."""
