"""What all pages are made of: state in the link, layout, fields, images, downloads, own browser parts."""
