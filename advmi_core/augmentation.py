"""UAEs as data augmentation, and what they are compared with [UAE, sec. 4.4]."""
