"""AdvMI: mutual information and adversarial examples, generated, measured and shown."""

__version__ = "0.1.0"
