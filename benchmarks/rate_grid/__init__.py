"""How good the rates are that the range test finds, beside a grid, on pre-trained backbones."""
