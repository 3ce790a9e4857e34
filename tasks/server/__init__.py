"""Setup of a Prefect server: work pools, limits, automations, the GPU slot."""
