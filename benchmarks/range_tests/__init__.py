"""How steady and how good the rate is that a range test suggests: our rules beside the peers'."""
