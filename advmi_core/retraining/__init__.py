"""Retraining autoencoders on UAEs: what does it do to their reconstruction of clean images? [UAE, sec. 4]"""
