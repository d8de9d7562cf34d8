"""Training of the networks that come with AdvMI."""
