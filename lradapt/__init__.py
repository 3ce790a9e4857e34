"""lradapt: fast, safe retraining of image classifiers by learning-rate adaptation."""

__version__ = "0.1.0"
