"""Networks as a backbone and a head: their layers, their weights, their export to ONNX."""
