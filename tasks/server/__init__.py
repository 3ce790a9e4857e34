"""What a Prefect server must have: pools, limits, automations, the GPU slot."""
