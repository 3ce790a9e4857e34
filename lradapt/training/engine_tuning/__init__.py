"""The fastest settings of the engine on this machine, measured on a project's own training steps.

This only recommends. Precision, memory format and threads change the last bits of every training,
so a choice made at each start would give other models from equal inputs.
"""
