"""Use of an exported model with ONNX Runtime and Pillow alone."""
