"""The gate: whether a challenger takes the champion's place. Pure functions of what both said."""
