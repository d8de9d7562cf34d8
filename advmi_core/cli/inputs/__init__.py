"""What commands compute on: models and data by name or of one's own."""
