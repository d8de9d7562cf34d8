"""MI of each image with its adversarial example."""
