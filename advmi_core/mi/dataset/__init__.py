"""MI of two variables from paired samples: estimators, tasks of known truth."""
