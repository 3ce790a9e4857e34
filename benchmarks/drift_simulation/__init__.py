"""How often `lradapt drift` has an alarm in weeks without a change, and in weeks with one."""
