"""Building blocks of all pages: state in the link, fields, images, callouts, own browser parts."""
