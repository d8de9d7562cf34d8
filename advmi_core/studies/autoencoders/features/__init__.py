"""Do UAEs help what is learnt: feature selection and contrastive encoders."""
