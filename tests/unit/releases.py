"""Publish and promote models in a registry, for tests."""

AT = "2026-01-01T00:00:00+00:00"


def publish(registry, model=b"model", **facts):
    """Publish a model that was trained on no image; return the version."""
    return registry.publish({"model.onnx": model, "trained_on.csv": b""}, facts)


def promote(registry, version, kind="promotion", reason="it is better", by="me@here", at=AT):
    """Promote a version over what is in production; return the promotion."""
    over = registry.production()
    return registry.promote(version, over=over, kind=kind, reason=reason, by=by, at=at)


def release(registry, model):
    """Publish and promote a model; return the promotion."""
    return promote(registry, publish(registry, model))


def whole_versions(registry):
    """Return the versions that exist, after verifying every file of each."""
    existing = [version for version in registry.version_names() if registry.has(version)]
    for version in existing:
        for file in registry.manifest(version)["files"]:
            registry.read_file(version, file)
    return existing


def damage(folder, name, version):
    """Change the last byte of a version's model in the registry of a folder; return its path."""
    path = folder / name / "versions" / version / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    return path
