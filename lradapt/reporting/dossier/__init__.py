"""The dossier of a model that updates itself: what an auditor asks, answered from the registry."""
