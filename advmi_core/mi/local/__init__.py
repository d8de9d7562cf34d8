"""MI between an image and a network's output after Deep InfoMax, as NAMID uses it."""
